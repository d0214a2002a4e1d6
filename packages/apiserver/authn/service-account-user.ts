import type { ObjectStorage } from '../object-storage.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import type { User } from '../server-context.ts'
import type { TokenClaims, TokenSigner } from './service-account-tokens.ts'

/** Who a ServiceAccount token speaks for; undefined when the account, or what the token is bound to, is gone. */
export type ServiceAccountUsers = (token: string) => { readonly user: User; readonly audiences: readonly string[] } | undefined

export function serviceAccountUsers(signer: TokenSigner, storage: ObjectStorage, registry: ResourceRegistry): ServiceAccountUsers {
  const uidOf = (plural: string, name: string, namespace?: string): string | undefined => {
    const resource = registry.find('', 'v1', plural)
    const object = resource === undefined ? undefined : storage.find(resource, { namespace, name })
    return object?.metadata.uid
  }
  const isBoundAlive = ({ 'kubernetes.io': bound }: TokenClaims): boolean => {
    if (bound.pod !== undefined && uidOf('pods', bound.pod.name, bound.namespace) !== bound.pod.uid) return false
    if (bound.secret !== undefined && uidOf('secrets', bound.secret.name, bound.namespace) !== bound.secret.uid) return false
    return bound.pod !== undefined || bound.node === undefined || uidOf('nodes', bound.node.name) === bound.node.uid
  }
  /** One user for one token, so that what is known of a user can be remembered by it. */
  const users = new WeakMap<TokenClaims, User>()
  return (token) => {
    const claims = signer.read(token)
    if (claims === undefined) return undefined
    const { namespace, serviceaccount } = claims['kubernetes.io']
    if (uidOf('serviceaccounts', serviceaccount.name, namespace) !== serviceaccount.uid || !isBoundAlive(claims)) return undefined
    let user = users.get(claims)
    if (user === undefined) users.set(claims, (user = userOf(claims)))
    return { user, audiences: claims.aud }
  }
}

function userOf({ jti, 'kubernetes.io': { namespace, serviceaccount, pod, node } }: TokenClaims): User {
  const extra = {
    'authentication.kubernetes.io/credential-id': [`JTI=${jti}`],
    ...(pod === undefined ? {} : { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }),
    ...(node === undefined ? {} : { 'authentication.kubernetes.io/node-name': [node.name], 'authentication.kubernetes.io/node-uid': [node.uid] }),
  }
  return { ...serviceAccountUser(namespace, serviceaccount.name), uid: serviceaccount.uid, extra }
}

export function serviceAccountUser(namespace: string, name: string): User {
  return { name: `system:serviceaccount:${namespace}:${name}`, groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'] }
}
