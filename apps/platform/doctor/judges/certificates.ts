import { refOf, type Judge, type Leaf, type Ref } from '../diagnosis.ts'
import { condition, oneLine, told, words } from '../field.ts'
import { serviceIn, type World } from '../world.ts'

const controller: Ref = { kind: 'Deployment', namespace: 'cert-manager', name: 'cert-manager' }
const owned = (world: World, kind: string, namespace: string | undefined, ownerKind: string, owner: string | undefined): readonly Ref[] =>
  world.list(kind).filter((o) => o.metadata.namespace === namespace && (o.metadata.ownerReferences ?? []).some((r) => r.kind === ownerKind && r.name === owner)).map(refOf)

export const certificate: Judge = (object, world) => {
  if (object === undefined) return undefined
  const { namespace, name } = object.metadata
  const ready = condition(object, 'Ready')
  const ends = Date.parse(words(object, 'status', 'notAfter'))
  const kind = words(object, 'spec', 'issuerRef', 'kind') || 'Issuer'
  const issuer: Ref = kind === 'ClusterIssuer' ? { kind, name: words(object, 'spec', 'issuerRef', 'name') } : { kind, namespace, name: words(object, 'spec', 'issuerRef', 'name') }
  if (ready?.status === 'True') return ends < world.now ? { says: `has expired at ${words(object, 'status', 'notAfter')}`, because: [issuer, controller], remedy: 'cert-manager should have renewed it: see its log, and the clock' } : undefined
  const issuing = condition(object, 'Issuing')
  const failure: Leaf[] = issuing?.status === 'False' && issuing.reason === 'Failed' ? [{ subject: 'the last attempt', says: oneLine(issuing.message), remedy: 'Correct the Certificate or its issuer; cert-manager tries again after a back-off' }] : []
  return { says: `is not ready: ${ready === undefined ? 'cert-manager has not looked at it' : told(ready)}`, because: [issuer, ...owned(world, 'CertificateRequest', namespace, 'Certificate', name), ...failure, controller], remedy: `Wait, or see kubectl describe certificate ${name} -n ${namespace}` }
}

export const certificateRequest: Judge = (object, world) => {
  const ready = condition(object, 'Ready')
  if (object === undefined || ready?.status === 'True') return undefined
  const denied = condition(object, 'Denied')
  if (denied?.status === 'True') return { says: `was denied: ${told(denied)}`, remedy: 'Correct the Certificate so that the approver accepts it' }
  // Old attempts stay: only one that is under way or has just failed says something.
  return { says: ready === undefined ? 'is not signed yet' : `is not ready: ${told(ready)}`, because: owned(world, 'Order', object.metadata.namespace, 'CertificateRequest', object.metadata.name), remedy: 'See what the issuer says' }
}

/** Order and Challenge of ACME. */
export const acme: Judge = (object, world) => {
  const state = words(object, 'status', 'state')
  if (object === undefined || state === 'valid' || state === 'ready') return undefined
  const reason = words(object, 'status', 'reason')
  return { says: `is ${state || 'not begun'}${reason === '' ? '' : `: ${oneLine(reason)}`}`, because: object.kind === 'Order' ? owned(world, 'Challenge', object.metadata.namespace, 'Order', object.metadata.name) : [], remedy: 'The ACME server must reach the name by DNS or HTTP from outside: see DNS records and the solver' }
}

/** Issuer and ClusterIssuer. */
export const issuer: Judge = (object, world, ref) => {
  if (object === undefined) return world.reads(ref.kind) ? { says: 'does not exist', remedy: 'Add it to the repository, or correct issuerRef of the Certificate' } : undefined
  const ready = condition(object, 'Ready')
  if (ready?.status === 'True') return undefined
  const because: Ref[] = []
  const ca = words(object, 'spec', 'ca', 'secretName')
  if (ca !== '') because.push({ kind: 'Secret', namespace: ref.kind === 'ClusterIssuer' ? 'cert-manager' : ref.namespace, name: ca })
  const vault = serviceIn(words(object, 'spec', 'vault', 'server'))
  if (vault !== undefined) because.push({ ...vault, kind: 'Vault' }, vault)
  if (ready === undefined) because.push(controller)
  return { says: ready === undefined ? 'was not looked at yet' : `is not ready: ${told(ready)}`, because, remedy: `Correct spec of ${ref.kind} ${ref.name}` }
}
