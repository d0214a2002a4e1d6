import type { AnyObject, KubeObject } from '@idp/formats'

/** Annotations that repeat the whole object. */
const copies = ['kubectl.kubernetes.io/last-applied-configuration']

/** Content that no view shows and that takes most memory, by kind. */
const drops: Readonly<Record<string, (object: AnyObject) => void>> = {
  Secret: keysOnly,
  ConfigMap: keysOnly,
  CustomResourceDefinition(object) {
    const spec = object['spec'] as { versions?: { schema?: unknown }[] } | undefined
    if (spec?.versions !== undefined) object['spec'] = { ...spec, versions: spec.versions.map(({ schema: _dropped, ...version }) => version) }
  },
  PolicyReport: resultsCounted,
  ClusterPolicyReport: resultsCounted,
  VulnerabilityReport(object) {
    const report = object['report'] as { summary?: unknown; artifact?: unknown; registry?: unknown; updateTimestamp?: unknown } | undefined
    object['report'] = { summary: report?.summary, artifact: report?.artifact, registry: report?.registry, updateTimestamp: report?.updateTimestamp }
  },
}

/** Which keys there are, and never a value: nothing the console holds can show a Secret. */
function keysOnly(object: AnyObject): void {
  for (const field of ['data', 'stringData', 'binaryData']) {
    const values = object[field]
    if (typeof values === 'object' && values !== null) object[field] = Object.fromEntries(Object.keys(values).map((key) => [key, '']))
  }
}

function resultsCounted(object: AnyObject): void {
  const { results } = object
  if (Array.isArray(results)) object['results'] = results.filter((one: { result?: string }) => one.result === 'fail' || one.result === 'error').map((one: { policy?: string; rule?: string; message?: string; result?: string }) => ({ policy: one.policy, rule: one.rule, message: one.message, result: one.result }))
}

/** What the console keeps of an object: no value of a Secret or ConfigMap, no field paths of managed fields (who wrote when stays), no copies of itself. */
export function trimObject(object: KubeObject): KubeObject {
  const { managedFields, annotations } = object.metadata
  if (managedFields !== undefined) object.metadata.managedFields = managedFields.map(({ fieldsV1: _dropped, ...entry }) => entry)
  if (annotations !== undefined && (object.kind === 'Secret' || copies.some((name) => name in annotations))) {
    object.metadata.annotations = object.kind === 'Secret' ? {} : Object.fromEntries(Object.entries(annotations).filter(([name]) => !copies.includes(name)))
  }
  drops[object.kind]?.(object as AnyObject)
  return object
}
