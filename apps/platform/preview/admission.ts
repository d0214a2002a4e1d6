import { deepEqual, type AnyObject } from '@idp/formats'
import { applyPolicies, type PolicyResponse, type PolicyWorld } from '../../../components/kyverno/engine/apply-policies.ts'
import { fileCelSource } from '../../../components/kyverno/engine/cel/file-cel-source.ts'
import type { PolicyException } from '../../../components/kyverno/engine/exceptions.ts'
import { fileSource } from '../../../components/kyverno/engine/file-source.ts'
import { defaultResourceFilters, isFiltered, parseResourceFilters } from '../../../components/kyverno/engine/resource-filter.ts'
import { readValues } from '../../../components/kyverno/engine/test-values.ts'
import { admissionFamily, type AdmissionBinding, type CelException } from '../../../components/kyverno/kinds/cel-policy.ts'
import type { PolicyObject } from '../../../components/kyverno/kinds/policy.ts'
import { fieldChanges, referenceOf } from './field-changes.ts'
import type { AdmissionFinding, ObjectReference } from './preview-model.ts'
import { objectsOf, type Side } from './side.ts'

export interface AdmissionOptions { now(): number; onProgress?(done: number, of: number): void }

const isBinding = ({ apiVersion, kind }: AnyObject): boolean => apiVersion.startsWith('admissionregistration.k8s.io/') && kind.endsWith('PolicyBinding')
const isPolicy = ({ apiVersion, kind }: AnyObject): boolean => admissionFamily({ apiVersion, kind }) !== undefined || (/^(kyverno\.io|policies\.kyverno\.io)\//.test(apiVersion) && kind.endsWith('Policy') && !/^(Cluster)?CleanupPolicy$/.test(kind))
const isException = ({ apiVersion, kind }: AnyObject): boolean => kind === 'PolicyException' && apiVersion.includes('kyverno.io/')
/** Who asks: Argo CD's controller, as Argo CD is installed by the charts. */
const argo = { userInfo: { username: 'system:serviceaccount:argocd:argocd-application-controller', groups: ['system:serviceaccounts', 'system:serviceaccounts:argocd', 'system:authenticated'] }, clusterRoles: ['argocd-application-controller'] }

/** What the policies of a commit say of its objects when Argo CD creates them, by the engine that the cluster uses. */
export async function admissionOf(side: Side, { now, onProgress }: AdmissionOptions): Promise<AdmissionFinding[]> {
  const all = objectsOf(side)
  const objects = all.map(({ object }) => object)
  const policies = objects.filter(isPolicy) as unknown as PolicyObject[]
  if (policies.length === 0) return []
  const world = worldOf(objects, policies, now)
  const filters = parseResourceFilters(filtersOf(objects))
  const found: AdmissionFinding[] = []
  for (const [at, { application, object }] of all.entries()) {
    if (at % 50 === 0) onProgress?.(at, all.length)
    if (isPolicy(object) || isException(object) || isBinding(object) || object.kind === 'CustomResourceDefinition' || isFiltered(filters, object)) continue
    found.push(...findings(application, object, await applyPolicies(world, object)))
  }
  return found
}

/** `resourceFilters` of Kyverno's ConfigMap, which a chart renders or a person writes. */
function filtersOf(objects: readonly AnyObject[]): string {
  const config = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'kyverno')
  const own = (config?.['data'] as Record<string, string> | undefined)?.['resourceFilters']
  return own ?? defaultResourceFilters(config?.metadata.namespace ?? 'kyverno')
}

function worldOf(objects: readonly AnyObject[], policies: readonly PolicyObject[], now: () => number): PolicyWorld {
  const values = readValues(undefined, argo)
  const exceptions = objects.filter(isException)
  const isCel = ({ apiVersion }: AnyObject): boolean => apiVersion.startsWith('policies.kyverno.io/')
  const namespaces = new Map(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => [metadata.name ?? '', metadata.labels ?? {}]))
  return {
    policies, values, source: fileSource({ objects }),
    exceptions: exceptions.filter((one) => !isCel(one)) as unknown as PolicyException[],
    namespaceLabels: (name) => ({ ...namespaces.get(name), 'kubernetes.io/metadata.name': name }),
    cel: { source: fileCelSource({ objects, values, now }), exceptions: exceptions.filter(isCel) as unknown as CelException[], bindings: objects.filter(isBinding) as unknown as AdmissionBinding[], parameters: objects },
  }
}

function findings(application: string, object: AnyObject, responses: readonly PolicyResponse[]): AdmissionFinding[] {
  const reference = referenceOf(object)
  let current = object
  return responses.flatMap((response): AdmissionFinding[] => {
    const before = current
    current = response.type === 'Mutation' || response.type === 'ImageVerify' ? response.patched : current
    const policy = response.policy.metadata.name ?? ''
    const changed = response.type === 'Mutation' && !deepEqual(before, response.patched)
    return response.rules.flatMap((rule, at): AdmissionFinding[] => {
      const base = { application, object: reference, policy, rule: rule.rule, message: rule.message }
      if (rule.verdict === 'fail' && rule.type !== 'Mutation') return [{ ...base, outcome: rule.enforced ? 'refused' : 'audited' }]
      if (rule.verdict === 'error' || rule.verdict === 'fail') return [{ ...base, outcome: 'error' }]
      if (rule.type === 'Generation' && rule.verdict === 'pass') return [{ ...base, outcome: 'generated', message: (rule.generated ?? []).map(({ kind, metadata }) => `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`).join(', ') || rule.message }]
      // Every rule of a policy has its part in one patch; it is shown once.
      return changed && at === 0 ? [{ ...base, outcome: 'mutated', fields: fieldChanges(before, response.patched) }] : []
    })
  })
}

const identity = ({ outcome, object, policy, rule, message, fields }: AdmissionFinding): string => JSON.stringify([outcome, object.kind, object.namespace, object.name, policy, rule, outcome === 'mutated' ? fields : message])

/** What is new (the worst first), what is gone of objects that stay, and what is the same. */
export function compareFindings(base: readonly AdmissionFinding[], head: readonly AdmissionFinding[], stays: (object: ObjectReference) => boolean): { readonly added: AdmissionFinding[]; readonly resolved: AdmissionFinding[]; readonly standing: AdmissionFinding[] } {
  const [before, after] = [new Set(base.map(identity)), new Set(head.map(identity))]
  const isResolved = (one: AdmissionFinding): boolean => !after.has(identity(one)) && one.outcome !== 'mutated' && one.outcome !== 'generated' && stays(one.object)
  return {
    added: head.filter((one) => !before.has(identity(one))).sort((a, b) => severity.indexOf(a.outcome) - severity.indexOf(b.outcome)),
    standing: head.filter((one) => before.has(identity(one))), resolved: base.filter(isResolved),
  }
}

const severity: readonly AdmissionFinding['outcome'][] = ['refused', 'error', 'audited', 'mutated', 'generated']
