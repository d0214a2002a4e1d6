import type { Kind } from '@idp/api'
import type { KubeObject } from '@idp/formats'
import { shapeOfPod, type PodShape } from '../engine/pod-shape.ts'
import type { Report } from '../kinds/reports.ts'

/** What the caches keep: of pods the shape that is checked, of Jobs their owner, of reports what tells whether they hold and what is counted. */
export function trimObject(kind: Kind, object: KubeObject): KubeObject {
  const { apiVersion, kind: name, metadata } = object
  const { name: own = '', namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, ownerReferences } = metadata
  const kept = Object.fromEntries(Object.entries({ name: own, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, ownerReferences }).filter(([, value]) => value !== undefined)) as KubeObject['metadata']
  if (kind.kind === 'Pod') return { apiVersion, kind: name, metadata: kept, spec: shapeOfPod((object as unknown as { spec: PodShape }).spec) } as KubeObject
  if (kind.kind === 'Job') return { apiVersion, kind: name, metadata: kept }
  if (!kind.kind.endsWith('Report')) return object
  const { vulnerabilities, checks: _checks, secrets: _secrets, components: _components, ...report } = (object as Report).report
  const ids = vulnerabilities?.map(({ vulnerabilityID = '', severity = '', resource = '', installedVersion = '', fixedVersion = '' }) => ({ vulnerabilityID, severity, resource, installedVersion, fixedVersion }))
  return { apiVersion, kind: name, metadata: { ...kept, ...(labels === undefined ? {} : { labels }), ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }) }, report: { ...report, ...(ids === undefined ? {} : { vulnerabilities: ids }) } } as KubeObject
}
