import { apiVersionOf, applyBuiltInDefaults, builtInKinds, builtInResources, columnsFor, decodeBuiltIn, schemaFor, validateCreate, validateUpdate, type FieldError, type Kind, type StatusCause } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { cloneJson } from '../json-value.ts'
import { storagePrefix, type Resource, type ScalePaths, type Strategy } from '../resource.ts'
import { builtInStrategies } from './strategies.ts'

/** Kinds that are questions, not objects: only `create`, nothing is stored. Served by handlers of their own. */
const reviews = new Set(['bindings', 'componentstatuses', 'tokenreviews', 'selfsubjectreviews', 'localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews'])

/** Fields that upstream lets a fieldSelector name. */
const selectable: Readonly<Record<string, readonly string[]>> = {
  pods: ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase', 'status.podIP', 'status.nominatedNodeName'],
  events: ['involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid', 'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'source', 'type', 'regarding.kind', 'regarding.namespace', 'regarding.name', 'regarding.uid'],
  namespaces: ['status.phase'], nodes: ['spec.unschedulable'], secrets: ['type'], jobs: ['status.successful'], replicasets: ['status.replicas'],
  replicationcontrollers: ['status.replicas'], services: ['spec.clusterIP', 'spec.type'], certificatesigningrequests: ['spec.signerName'],
}

const scalable: ScalePaths = { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: ['spec', 'selector'] }

/** Kinds that upstream stores without counting generations. */
const withoutGeneration = new Set([
  'configmaps', 'secrets', 'serviceaccounts', 'services', 'endpoints', 'events', 'nodes', 'namespaces', 'persistentvolumes', 'persistentvolumeclaims',
  'resourcequotas', 'limitranges', 'roles', 'rolebindings', 'clusterroles', 'clusterrolebindings', 'leases', 'priorityclasses', 'storageclasses',
  'controllerrevisions', 'podtemplates', 'csinodes', 'csidrivers', 'certificatesigningrequests', 'runtimeclasses', 'apiservices', 'horizontalpodautoscalers',
])

/** The two APIs of one stored kind: events are stored as core events. */
const storedElsewhere: Readonly<Record<string, { readonly group: string; readonly apiVersion: string }>> = {
  'events.k8s.io/v1/events': { group: '', apiVersion: 'v1' },
  'autoscaling/v1/horizontalpodautoscalers': { group: 'autoscaling', apiVersion: 'autoscaling/v2' },
}

/** Every built-in kind that is stored, ready to be served. */
export function builtInStoredResources(convertEvents: (objects: AnyObject[], apiVersion: string) => Promise<AnyObject[]>): Resource[] {
  return builtInKinds.filter((kind) => !reviews.has(kind.plural)).map((kind) => builtInResource(kind as Kind<AnyObject>, convertEvents))
}

function builtInResource(kind: Kind<AnyObject>, convert: (objects: AnyObject[], apiVersion: string) => Promise<AnyObject[]>): Resource {
  const stored = storedElsewhere[`${apiVersionOf(kind)}/${kind.plural}`]
  const multiple = stored !== undefined || kind.plural === 'horizontalpodautoscalers' || kind.plural === 'events'
  const facts = builtInResources(apiVersionOf(kind)).find((resource) => resource.name === kind.plural)
  const strategy: Strategy = { ...(withoutGeneration.has(kind.plural) ? { generation: false } : {}), ...builtInStrategies[kind.plural] }
  return {
    kind, strategy, builtIn: true, schema: schemaFor(kind),
    prefix: storagePrefix(stored?.group ?? kind.group, kind.plural),
    storageApiVersion: stored?.apiVersion ?? apiVersionOf(kind),
    hasStatus: kind.subresources.includes('status'),
    scale: kind.subresources.includes('scale') ? scalable : undefined,
    columns: columnsFor(kind),
    selectableFields: selectable[kind.plural] ?? [],
    verbs: facts?.verbs.split(' ') ?? [],
    decode: (object) => decodeBuiltIn(kind, object),
    normalize(object) {
      strategy.normalize?.(object)
      applyBuiltInDefaults(kind, object)
    },
    validate: (object, old, subresource) => causesOf(old === undefined ? validateCreate(kind, object) : validateUpdate(kind, object, old, subresource)),
    initialStatus: (object) => cloneJson(strategy.initialStatus?.(object) ?? {}),
    ...(multiple ? { convert } : {}),
  }
}

function causesOf(errors: readonly FieldError[]): StatusCause[] {
  return errors.map(({ reason, field, message }) => ({ reason, field, message }))
}
