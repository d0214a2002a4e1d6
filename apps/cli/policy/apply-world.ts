import { readFile } from 'node:fs/promises'
import type { Client } from '@idp/client'
import type { AnyObject, Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { PolicyWorld } from '../../../components/kyverno/engine/apply-policies.ts'
import type { PolicyException } from '../../../components/kyverno/engine/exceptions.ts'
import { fileSource } from '../../../components/kyverno/engine/file-source.ts'
import { parseObjects } from '../../../components/kyverno/engine/read-objects.ts'
import { readValues } from '../../../components/kyverno/engine/test-values.ts'
import { fileCelSource } from '../../../components/kyverno/engine/cel/file-cel-source.ts'
import { readContext, type ContextData } from '../../../components/kyverno/engine/context-file.ts'
import { admissionFamily, type AdmissionBinding, type CelException } from '../../../components/kyverno/kinds/cel-policy.ts'
import type { PolicyObject } from '../../../components/kyverno/kinds/policy.ts'
import { apiContext } from '../../../components/kyverno/programs/api-context.ts'
import { clusterCelSource } from '../../../components/kyverno/programs/cluster-cel-source.ts'
import type { ApplyFlags } from './apply-command.ts'
import { loadObjects } from './load-objects.ts'
import { openRegistries } from './registry-trust.ts'

export interface ApplyInput {
  readonly policies: readonly PolicyObject[]
  readonly exceptions: readonly AnyObject[]
  /** What is judged. */
  readonly resources: readonly AnyObject[]
  /** What policies may look up besides. */
  readonly targets: readonly AnyObject[]
  /** Payloads that are no Kubernetes objects. */
  readonly payloads: readonly { readonly value: Json; readonly mode: string }[]
  readonly world: PolicyWorld
}

/** What `apply` works on: policies, resources, exceptions and values as the flags name them. */
export async function readInput(paths: readonly string[], flags: ApplyFlags, { stdin, now, cluster }: { readonly stdin: NodeJS.ReadableStream; readonly now: () => number; readonly cluster: { readonly client: Client; objects(policies: readonly PolicyObject[]): Promise<AnyObject[]> } | undefined }): Promise<ApplyInput> {
  const found = await loadObjects(paths, stdin)
  const policies = found.filter(isPolicy) as unknown as PolicyObject[]
  if (policies.length === 0) throw new CodedError({ code: 'NoPolicies', message: 'there is no policy in these files', where: paths.join(', '), remedy: 'Name files with ClusterPolicy, Policy or the kinds of policies.kyverno.io' })
  const targets = await loadObjects(flags.targetResource, stdin)
  const given = await loadObjects(flags.resource, stdin)
  const all = [...given, ...(cluster === undefined ? [] : await cluster.objects(policies))]
  const within = [...(flags.exceptionsWithinResources === true ? all : []), ...(flags.exceptionsWithinPolicies === true ? found : [])]
  const excepted = [...(await loadObjects(flags.exception, stdin)), ...within].filter(isException)
  const exceptions = excepted.filter((one) => !isCel(one)) as unknown as PolicyException[]
  const celExceptions = excepted.filter(isCel) as unknown as CelException[]
  const context = readContext(flags.contextFile === undefined ? [] : await loadObjects([flags.contextFile], stdin))
  const resources = all.filter((one) => !isPolicy(one) && !isException(one) && !isBinding(one))
  return {
    policies, exceptions: excepted, resources, targets, payloads: [
      ...(await loadObjects(flags.json, stdin)).map((value) => ({ value: value as unknown as Json, mode: 'JSON' })), ...(await loadObjects(flags.httpPayload, stdin)).map((value) => ({ value: value as unknown as Json, mode: 'HTTP' })),
      ...(await loadObjects(flags.envoyPayload, stdin)).map((value) => ({ value: value as unknown as Json, mode: 'Envoy' })),
    ],
    world: await worldOf({ policies, exceptions, celExceptions, objects: [...resources, ...targets], client: cluster?.client, context, now, bindings: found.filter(isBinding) as unknown as AdmissionBinding[], params: await loadObjects(flags.parameterResource, stdin) }, flags),
  }
}

const isBinding = ({ apiVersion, kind }: AnyObject): boolean => (apiVersion ?? '').startsWith('admissionregistration.k8s.io/') && kind.endsWith('PolicyBinding')
const isPolicy = ({ apiVersion, kind }: AnyObject): boolean => admissionFamily({ apiVersion, kind }) !== undefined || /^(kyverno\.io|policies\.kyverno\.io)\//.test(apiVersion ?? '') && kind !== 'PolicyException' && kind.endsWith('Policy')
const isCel = ({ apiVersion }: AnyObject): boolean => (apiVersion ?? '').startsWith('policies.kyverno.io/')
const isException = ({ apiVersion, kind }: AnyObject): boolean => kind === 'PolicyException' && (apiVersion ?? '').includes('kyverno.io/')

interface WorldParts {
  readonly policies: readonly PolicyObject[]; readonly exceptions: readonly PolicyException[]; readonly celExceptions: readonly CelException[]; readonly objects: readonly AnyObject[]; readonly client: Client | undefined
  readonly context: ContextData; readonly now: () => number; readonly bindings: readonly AdmissionBinding[]; readonly params: readonly AnyObject[]
}

async function worldOf({ policies, exceptions, celExceptions, objects, client, context, now, bindings, params }: WorldParts, flags: ApplyFlags): Promise<PolicyWorld> {
  if (flags.valuesFile !== undefined && flags.set.length > 0) throw new CodedError({ code: 'ConflictingFlags', message: 'values come from --set or from --values-file, not from both' })
  const one = async (file: string | undefined): Promise<unknown> => (file === undefined ? undefined : parseObjects(await readFile(file, 'utf8'), file)[0])
  const values = readValues(flags.set.length > 0 ? { globalValues: setValues(flags.set) } : await one(flags.valuesFile), await one(flags.userinfo))
  const namespaces = new Map(objects.flatMap((object) => (object.kind === 'Namespace' ? [[object.metadata.name ?? '', object.metadata.labels ?? {}]] : [])))
  const served = (await client?.kinds()) ?? []
  const source = fileSource({ objects, ...(flags.valuesFile === undefined && flags.set.length === 0 ? {} : { given: values.given }) })
  const registries = flags.registry === true ? openRegistries(now, client) : undefined
  const celSource = client === undefined ? fileCelSource({ objects: [...objects, ...context.objects], images: context.images, values, now }) : clusterCelSource(client, { kinds: () => served, now })
  return {
    ...(registries === undefined ? {} : { trust: registries.trust }),
    policies, exceptions, values, namespaceLabels: (name) => values.namespaceLabels(name) ?? namespaces.get(name) ?? {},
    cel: { exceptions: celExceptions, bindings, parameters: params, source: { ...celSource, ...registries?.cel } },
    source: { ...(client === undefined ? source : { ...apiContext(client), find: source.find, ...(source.given === undefined ? {} : { given: source.given }) }), ...(registries === undefined ? {} : { imageData: registries.imageData }) },
  }
}

/** `a.b=1,c=d`: a variable each. Throws CodedError `InvalidVariable`. */
function setValues(given: readonly string[]): Record<string, Json> {
  return Object.fromEntries(given.flatMap((text) => text.split(',')).map((pair): [string, Json] => {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new CodedError({ code: 'InvalidVariable', message: `'${pair}' is not NAME=VALUE`, where: '--set' })
    return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
  }))
}
