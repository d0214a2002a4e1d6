import { refOf, type Judge, type Leaf, type Ref } from '../diagnosis.ts'
import { condition, count, objects, oneLine, told, words } from '../field.ts'
import { hasEndpoints, podsBehind, type World } from '../world.ts'

const operator: Ref = { kind: 'Deployment', namespace: 'kube-system', name: 'cilium-operator' }

export const gateway: Judge = (object, world, ref) => {
  if (object === undefined) return world.reads('Gateway') ? { says: 'does not exist', remedy: 'Add it to the repository, or correct parentRefs of the route' } : undefined
  const programmed = condition(object, 'Programmed')
  const accepted = condition(object, 'Accepted')
  const broken = objects(object, 'status', 'listeners').map((listener) => ({ name: words(listener, 'name'), said: condition(listener, 'ResolvedRefs', objects(listener, 'conditions')) })).find(({ said }) => said?.status === 'False')
  const secrets = objects(object, 'spec', 'listeners').flatMap((l) => objects(l, 'tls', 'certificateRefs')).map((c): Ref => ({ kind: 'Secret', namespace: words(c, 'namespace') || ref.namespace, name: words(c, 'name') }))
  const absent = world.reads('Secret') ? secrets.filter((s) => world.find(s) === undefined) : []
  if (programmed?.status === 'True' && broken === undefined && absent.length === 0) return undefined
  const unwell = accepted?.status === 'False' ? accepted : programmed
  const says = broken?.said !== undefined ? `listener ${broken.name}: ${told(broken.said)}` : unwell === undefined ? 'no controller has taken it' : unwell.status === 'True' ? 'a listener has no certificate' : `is not programmed: ${told(unwell)}`
  return { says, because: [...absent, { kind: 'GatewayClass', name: words(object, 'spec', 'gatewayClassName') }, operator], remedy: 'Correct the listener it names, or see the log of the Gateway controller' }
}

export const gatewayClass: Judge = (object, world) => {
  if (object === undefined) return world.reads('GatewayClass') ? { says: 'does not exist', because: [operator], remedy: 'Correct gatewayClassName of the Gateway' } : undefined
  const accepted = condition(object, 'Accepted')
  return accepted?.status === 'True' ? undefined : { says: `is not accepted${accepted === undefined ? '' : `: ${told(accepted)}`}`, because: [operator], remedy: 'See that the controller it names runs' }
}

/** HTTPRoute and its siblings: a parent that refuses it, a backend that cannot answer. */
export const route: Judge = (object, world) => {
  if (object === undefined) return undefined
  const namespace = object.metadata.namespace
  const parents = objects(object, 'spec', 'parentRefs').map((p): Ref => ({ kind: words(p, 'kind') || 'Gateway', namespace: words(p, 'namespace') || namespace, name: words(p, 'name') })).filter((p) => p.kind === 'Gateway')
  const refused = objects(object, 'status', 'parents').map((p) => condition(p, 'Accepted', objects(p, 'conditions'))).find((c) => c?.status === 'False')
  const unresolved = objects(object, 'status', 'parents').map((p) => condition(p, 'ResolvedRefs', objects(p, 'conditions'))).find((c) => c?.status === 'False')
  const backends = objects(object, 'spec', 'rules').flatMap((r) => objects(r, 'backendRefs')).filter((b) => ['', 'Service'].includes(words(b, 'kind')) && count(b, 1, 'weight') > 0).map((b): Ref => ({ kind: 'Service', namespace: words(b, 'namespace') || namespace, name: words(b, 'name') }))
  const dead = backends.filter((ref) => service(world.find(ref), world, ref) !== undefined)
  const host = (object as { spec?: { hostnames?: string[] } }).spec?.hostnames?.[0]
  const place = host === undefined ? '' : ` (https://${host})`
  if (refused !== undefined) return { says: `is refused by its Gateway${place}: ${told(refused)}`, because: parents, remedy: 'Let hostnames and namespace of the route fit a listener of the Gateway (allowedRoutes, hostname, sectionName)' }
  const absent = world.reads('Gateway') ? parents.filter((ref) => world.find(ref) === undefined) : []
  if (parents.length > 0 && absent.length === parents.length) return { says: `belongs to no Gateway${place}: it answers 404`, because: absent }
  if (dead.length > 0) return { says: `answers 503${place}`, because: dead }
  if (unresolved !== undefined) return { says: `answers 500${place}: ${told(unresolved)}`, remedy: unresolved.reason === 'RefNotPermitted' ? "Add a ReferenceGrant in the backend's namespace" : 'Correct backendRefs of the route' }
  if (objects(object, 'status', 'parents').length === 0) return { says: `was taken by no Gateway${place}: it answers 404`, because: [...parents, operator], remedy: 'Correct parentRefs of the route' }
  return parents.some((ref) => gateway(world.find(ref), world, ref) !== undefined) ? { says: `is not served${place}`, because: parents } : undefined
}

/** A Service that something needs and that no pod answers for. */
export const service: Judge = (object, world, ref) => {
  if (object === undefined) return world.reads('Service') ? { says: 'does not exist', remedy: 'Add it to the repository, or correct the name that asks for it' } : undefined
  if (words(object, 'spec', 'type') === 'ExternalName' || (object as { spec?: { selector?: object } }).spec?.selector === undefined && hasEndpoints(object, world)) return undefined
  if (hasEndpoints(object, world) || !world.reads('EndpointSlice')) return undefined
  const pods = podsBehind(object, world)
  return { says: 'has no ready endpoints', because: [...pods.map(refOf), ...(pods.length === 0 ? [noPods(ref, object, world)] : [])], remedy: 'Its pods have not become ready yet' }
}

function noPods(ref: Ref, object: unknown, world: World): Ref | Leaf {
  const selector = Object.entries((object as { spec?: { selector?: Record<string, string> } }).spec?.selector ?? {})
  const labels = selector.map(([key, value]) => `${key}=${value}`).join(',')
  const owners = ['Deployment', 'StatefulSet', 'DaemonSet'].flatMap((kind) => world.list(kind)).filter((o) => o.metadata.namespace === ref.namespace && selector.length > 0
    && selector.every(([key, value]) => (o as { spec?: { template?: { metadata?: { labels?: Record<string, string> } } } }).spec?.template?.metadata?.labels?.[key] === value))
  const [owner] = owners
  if (owner === undefined) return { subject: `the selector of Service ${ref.name}`, says: `fits no pod (${oneLine(labels) || 'it is empty'})`, remedy: "Let the selector fit the labels of the workload's pod template" }
  if (count(owner, 1, 'spec', 'replicas') === 0) return { subject: `${owner.kind} ${ref.namespace}/${owner.metadata.name}`, says: 'is scaled to 0', remedy: `kubectl scale ${owner.kind.toLowerCase()} ${owner.metadata.name} -n ${ref.namespace} --replicas 1 (and in Git)` }
  return refOf(owner)
}
