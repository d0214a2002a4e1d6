import type { AnyObject } from '@idp/formats'
import { refOf, type Judge, type Leaf, type Ref } from '../diagnosis.ts'
import { condition, objects, oneLine, told, words } from '../field.ts'
import { hasEndpoints, podsBehind, serviceIn, type World } from '../world.ts'

const operator: Ref = { kind: 'Deployment', namespace: 'external-secrets-system', name: 'external-secrets' }

/** A Secret is only ever missed: by what should have made it. */
export const secret: Judge = (object, world, ref) => {
  if (object !== undefined) return undefined
  const makers: Ref[] = [
    ...world.list('ExternalSecret').filter((es) => es.metadata.namespace === ref.namespace && (words(es, 'spec', 'target', 'name') || es.metadata.name) === ref.name).map(refOf),
    ...world.list('Certificate').filter((c) => c.metadata.namespace === ref.namespace && words(c, 'spec', 'secretName') === ref.name).map(refOf),
    ...world.list('SealedSecret').filter((s) => s.metadata.namespace === ref.namespace && s.metadata.name === ref.name).map(refOf),
  ]
  return { says: 'does not exist', because: makers, remedy: makers.length > 0 ? `${makers[0]?.kind} ${makers[0]?.name} makes it: wait, or see its events` : `Nothing in the cluster makes it: add an ExternalSecret of that name to the repository, or create it: kubectl create secret generic ${ref.name} -n ${ref.namespace}` }
}

/** A ConfigMap that something names and that is not there. */
export const configMap: Judge = (object, world, ref) => {
  if (object !== undefined) return undefined
  const bundle = world.list('Bundle').filter((b) => b.metadata.name === ref.name).map(refOf)
  return { says: 'does not exist', because: bundle, remedy: 'Add it to the repository, or correct the name that the pod asks for' }
}

export const externalSecret: Judge = (object, world) => {
  const ready = condition(object, 'Ready')
  if (object === undefined || ready?.status === 'True') return undefined
  if (ready === undefined) return { says: 'was not looked at yet', because: [operator], remedy: 'See that the external-secrets operator runs' }
  const stores = [object['spec'] as Record<string, unknown> | undefined, ...objects(object, 'spec', 'data').map((d) => d['sourceRef'] as Record<string, unknown> | undefined)]
    .map((holder) => ({ kind: words(holder, 'secretStoreRef', 'kind') || words(holder, 'storeRef', 'kind') || 'SecretStore', name: words(holder, 'secretStoreRef', 'name') || words(holder, 'storeRef', 'name') }))
    .filter(({ name }) => name !== '').map(({ kind, name }): Ref => (kind === 'ClusterSecretStore' ? { kind, name } : { kind, namespace: object.metadata.namespace, name }))
  const detail = world.warnings(refOf(object), 'UpdateFailed')[0] ?? ready.message
  return { says: `is not ready: ${told(ready)}`, because: [...stores, ...sickVaults(stores, world), keyFault(detail), ...(detail === ready.message ? [] : [{ subject: 'the operator', says: `reports: ${oneLine(detail)}`, remedy: 'Correct what it names' }])].filter((cause) => cause !== undefined), remedy: 'Correct what it names in the repository' }
}

/** A store may still be called ready by a check that is older than the fault of its Vault. */
function sickVaults(stores: readonly Ref[], world: World): readonly Ref[] {
  return stores.flatMap((store) => {
    const service = serviceIn(words(world.find(store), 'spec', 'provider', 'vault', 'server'))
    const behind: Ref | undefined = service === undefined ? undefined : { ...service, kind: 'Vault' }
    return behind === undefined || vault(undefined, world, behind) === undefined ? [] : [behind]
  })
}

function keyFault(detail: string): Leaf | undefined {
  const key = /(?:key|secret|remoteRef)[: ]+"?([\w./-]+)"?/i.exec(detail)?.[1]
  if (/does not exist|not found|cannot find|no secret/i.test(detail)) return { subject: `the entry${key === undefined ? '' : ` ${key}`} in the store`, says: `is not there: ${oneLine(detail)}`, remedy: `Write it (vault kv put secret/${key ?? 'PATH'} PROPERTY=…), or correct remoteRef in the ExternalSecret` }
  if (/permission denied|\b403\b|forbidden/i.test(detail)) return { subject: "the store's policy", says: `does not let it be read: ${oneLine(detail)}`, remedy: 'Widen the policy of the role that the SecretStore logs in with' }
  return undefined
}

/** SecretStore and ClusterSecretStore. */
export const secretStore: Judge = (object, world, ref) => {
  if (object === undefined) return { says: 'does not exist', remedy: `Add it to the repository, or correct secretStoreRef` }
  const ready = condition(object, 'Ready')
  if (ready?.status === 'True') return undefined
  if (ready === undefined) return { says: 'was not looked at yet', because: [operator] }
  const server = words(object, 'spec', 'provider', 'vault', 'server')
  const service = serviceIn(server)
  const behind: Ref | undefined = service === undefined ? undefined : { ...service, kind: 'Vault' }
  const sick = behind !== undefined && vault(undefined, world, behind) !== undefined
  return { says: `is not ready: ${told(ready)}`, because: sick ? [behind] : [...(service === undefined ? [] : [service]), ...storeFault(object, ready.message, server, ref)], remedy: `Correct spec.provider of ${ref.kind} ${ref.name}` }
}

function storeFault(object: AnyObject, message: string, server: string, ref: Ref): readonly Leaf[] {
  const role = words(object, 'spec', 'provider', 'vault', 'auth', 'kubernetes', 'role')
  if (/invalid role name|permission denied|\b40[03]\b/i.test(message) && role !== '') return [{ subject: `Vault role ${role}`, says: `does not let namespace ${ref.namespace ?? ''} in: ${oneLine(message)}`, remedy: `Write the role: vault write auth/${words(object, 'spec', 'provider', 'vault', 'auth', 'kubernetes', 'mountPath') || 'kubernetes'}/role/${role} bound_service_account_names=… bound_service_account_namespaces=…` }]
  if (/no such host|connection refused|timeout|no endpoints|unreachable|ECONNREFUSED|ENOTFOUND/i.test(message)) return [{ subject: `the server ${server}`, says: `cannot be reached: ${oneLine(message)}`, remedy: 'Correct spec.provider.vault.server, or see that the server runs' }]
  return []
}

/** The Vault behind a Service or in a pod. */
export const vault: Judge = (_object, world, ref) => {
  const service = world.find({ kind: 'Service', namespace: ref.namespace, name: ref.name })
  const pods = service === undefined ? world.list('Pod').filter((p) => p.metadata.namespace === ref.namespace && p.metadata.name === ref.name) : podsBehind(service, world)
  const seals = pods.map((p) => ({ pod: p.metadata.name ?? '', seal: world.sealOf(ref.namespace ?? '', p.metadata.name ?? '') })).filter(({ seal }) => seal !== undefined)
  const sealed = seals.find(({ seal }) => seal?.initialized === true && seal.sealed)
  // One unsealed server is enough for the others' clients.
  if (seals.some(({ seal }) => seal?.initialized === true && !seal.sealed)) return undefined
  if (sealed !== undefined) return { says: 'is sealed', remedy: `Unseal it: kubectl exec -n ${ref.namespace} ${sealed.pod} -- vault operator unseal (the embedded engine does it by itself within half a minute)` }
  const virgin = seals.find(({ seal }) => seal?.initialized === false)
  if (virgin !== undefined) return { says: 'is not initialised', remedy: "Run 'idp up' again: it initialises Vault and seeds it" }
  return service !== undefined && !hasEndpoints(service, world) ? { says: 'has no running server', because: pods.map(refOf), remedy: 'See the pods of Vault' } : undefined
}
