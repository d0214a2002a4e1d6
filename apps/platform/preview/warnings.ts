import { parseApiVersion } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { waveOf } from '../../../components/argocd/engine/sync/annotations.ts'
import { originOf } from '../../../components/argocd/repo/origin.ts'
import type { ApiRules } from './api-rules.ts'
import { keyOf } from './compare-sides.ts'
import type { PreviewWarning } from './preview-model.ts'
import { objectReferences, type Referenced } from './references.ts'
import { objectsOf, type Side } from './side.ts'

/** A commit with the rules that its own definitions make. */
export interface Judged { readonly side: Side; readonly rules: ApiRules }
interface Placed { readonly application: string; readonly object: AnyObject }

/** What is odd about HEAD's objects and was not so on BASE: kinds nobody serves, fields nobody knows, things that are named and not there. */
export function warningsOf(base: Judged, head: Judged): PreviewWarning[] {
  const before = new Set(sideWarnings(base).map(identity))
  return sideWarnings(head).filter((one) => !before.has(identity(one)))
}

const identity = ({ code, message }: PreviewWarning): string => `${code} ${message}`
const systemNamespaces = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease'])

function sideWarnings({ side, rules }: Judged): PreviewWarning[] {
  const all = objectsOf(side)
  const made = madeElsewhere(all)
  const have = new Set([...all.map(({ object }) => keyOf(object)), ...made])
  const namespaces = new Set([...systemNamespaces, ...all.filter(({ object }) => object.kind === 'Namespace').map(({ object }) => object.metadata.name ?? ''), ...createdNamespaces(side)])
  return [
    ...all.flatMap((one) => kindWarnings(one, rules)),
    ...all.flatMap((one) => namespaceWarnings(one, namespaces)),
    ...all.flatMap((one) => referenceWarnings(one, have)),
    ...waveWarnings(side, all),
    ...[...side.applications.values()].flatMap(({ name, elsewhere }) => elsewhere.map((url) => ({ code: 'SourceElsewhere', message: `Application ${name} comes from ${url}, which a preview does not fetch`, where: name }))),
  ]
}

const named = ({ kind, metadata }: AnyObject): string => `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`
const place = ({ application, object }: Placed): string => `${application}${originOf(object) === undefined ? '' : `, ${originOf(object) ?? ''}`}`

function kindWarnings(placed: Placed, rules: ApiRules): PreviewWarning[] {
  const { object } = placed
  const where = place(placed)
  const served = rules.isServed(object)
  if (served === 'no') return [{ code: 'KindUnknown', message: `${object.apiVersion} ${object.kind} is not a kind of Kubernetes, and no CustomResourceDefinition of the repository brings it`, where }]
  if (served === 'other-version') return [{ code: 'VersionNotServed', message: `${named(object)} uses ${object.apiVersion}, which is not served`, where }]
  const deprecation = rules.deprecation(object)
  const unknown = rules.unknownFields(object)
  return [
    ...(deprecation === undefined ? [] : [{ code: 'Deprecated', message: `${named(object)}: ${deprecation}`, where }]),
    ...(unknown.length === 0 ? [] : [{ code: 'UnknownField', message: `${named(object)} has fields that its kind does not know: ${unknown.join(', ')}`, where }]),
  ]
}

/** Namespaces that Argo CD makes because an Application says so. */
function createdNamespaces(side: Side): string[] {
  return [...side.applications.values()].filter(({ application }) => application.spec?.syncPolicy?.syncOptions?.includes('CreateNamespace=true') === true).map(({ application }) => application.spec.destination.namespace ?? '')
}

function namespaceWarnings(placed: Placed, namespaces: ReadonlySet<string>): PreviewWarning[] {
  const { namespace } = placed.object.metadata
  if (namespace === undefined || namespaces.has(namespace)) return []
  return [{ code: 'NamespaceMissing', message: `namespace ${namespace} of ${named(placed.object)} is not in the repository`, where: place(placed) }]
}

function referenceWarnings(placed: Placed, have: ReadonlySet<string>): PreviewWarning[] {
  const seen = new Set<string>()
  return objectReferences(placed.object).flatMap((one: Referenced) => {
    const key = `${one.group}/${one.kind}/${one.namespace}/${one.name}`
    if (have.has(key) || seen.has(key)) return []
    seen.add(key)
    return [{ code: 'ReferenceMissing', message: `${named(placed.object)} names ${one.kind} ${one.namespace}/${one.name} (${one.path}), which is not in the repository`, where: place(placed) }]
  })
}

/** What controllers make of the repository's objects: Secrets of ExternalSecrets and Certificates, targets of trust-manager's Bundles in every namespace. */
function madeElsewhere(all: readonly Placed[]): string[] {
  const namespaces = all.filter(({ object }) => object.kind === 'Namespace').map(({ object }) => object.metadata.name ?? '')
  return [
    ...namespaces.flatMap((namespace) => [`/ServiceAccount/${namespace}/default`, `/ConfigMap/${namespace}/kube-root-ca.crt`]),
    ...all.flatMap(({ object }) => {
      const spec = (object['spec'] ?? {}) as { target?: { name?: string; configMap?: unknown; secret?: unknown }; secretName?: string }
      const { name = '', namespace = '' } = object.metadata
      if (object.kind === 'ExternalSecret') return [`/Secret/${namespace}/${spec.target?.name ?? name}`]
      if (object.kind === 'Certificate') return [`/Secret/${namespace}/${spec.secretName ?? ''}`]
      if (object.kind === 'SealedSecret') return [`/Secret/${namespace}/${name}`]
      if (object.kind === 'Bundle') return namespaces.flatMap((one) => [...(spec.target?.configMap === undefined ? [] : [`/ConfigMap/${one}/${name}`]), ...(spec.target?.secret === undefined ? [] : [`/Secret/${one}/${name}`])])
      return []
    }),
  ]
}

/** A custom resource in an earlier wave than the definition of its kind waits for what comes after it. */
function waveWarnings(side: Side, all: readonly Placed[]): PreviewWarning[] {
  const definitions = new Map(all.filter(({ object }) => object.kind === 'CustomResourceDefinition').map((one) => {
    const spec = one.object['spec'] as { group: string; names: { kind: string } }
    return [`${spec.group}/${spec.names.kind}`, one] as const
  }))
  return all.flatMap((placed) => {
    const definition = definitions.get(`${parseApiVersion(placed.object.apiVersion).group}/${placed.object.kind}`)
    if (definition === undefined || definition.application !== placed.application || waveOf(placed.object) >= waveOf(definition.object) || !side.applications.has(placed.application)) return []
    return [{ code: 'WaveOrder', message: `${named(placed.object)} is in sync wave ${waveOf(placed.object)}, its CustomResourceDefinition only in wave ${waveOf(definition.object)}`, where: place(placed) }]
  })
}
