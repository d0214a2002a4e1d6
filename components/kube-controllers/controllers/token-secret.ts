import { isApiError, Secret, ServiceAccount } from '@idp/api'
import { watch, type Controller, type Index, type Scope } from '@idp/controller'
import type { AnyObject } from '@idp/formats'

const accountName = 'kubernetes.io/service-account.name'
const accountUid = 'kubernetes.io/service-account.uid'
const tokenType = 'kubernetes.io/service-account-token'
/** The longest life a TokenRequest may ask for, in seconds: such tokens are meant to last as long as their Secret. */
const longest = 2 ** 32 - 1

const secretsByAccount: Index<Secret> = {
  name: 'token secrets by account',
  of: ({ type, metadata }) => (type === tokenType ? [`${metadata.namespace}/${metadata.annotations?.[accountName] ?? ''}`] : []),
}

/** Fills Secrets of type `kubernetes.io/service-account-token` that people make, and removes them with their account. @param ca PEM */
export function tokenSecretController(ca: string): Controller<Secret> {
  return {
    name: 'serviceaccount-token-controller',
    for: Secret,
    concerns: (_before, secret) => secret.type === tokenType,
    watches: [watch(ServiceAccount, ({ metadata }, { cache }) => cache(Secret).by(secretsByAccount, `${metadata.namespace}/${metadata.name}`).map((secret) => ({ namespace: secret.metadata.namespace, name: secret.metadata.name ?? '' })))],
    async reconcile(secret, scope) {
      const { name = '', namespace = '', uid = '', annotations = {}, deletionTimestamp } = secret.metadata
      if (secret.type !== tokenType || deletionTimestamp !== undefined) return
      const account = await findAccount(annotations[accountName] ?? '', namespace, scope)
      const replaced = annotations[accountUid] !== undefined && annotations[accountUid] !== account?.metadata.uid
      if (account === undefined || replaced) {
        await scope.client.delete(Secret, name, { namespace, preconditions: { uid } }).catch(ignoreGone)
        return
      }
      if (secret.data?.['token'] !== undefined && secret.data['ca.crt'] !== undefined && secret.data['namespace'] !== undefined) return
      const token = secret.data?.['token'] ?? encode(await requestToken(account, secret, scope))
      await scope.client.patch(Secret, name, {
        metadata: { uid, annotations: { [accountUid]: account.metadata.uid ?? '' } },
        data: { token: String(token), 'ca.crt': encode(ca), namespace: encode(namespace) },
      }, { namespace, type: 'merge' })
    },
  }
}

const encode = (text: string) => Buffer.from(text).toString('base64')

async function findAccount(name: string, namespace: string, { cache, client }: Scope): Promise<ServiceAccount | undefined> {
  const cached = cache(ServiceAccount).get(name, namespace)
  if (cached !== undefined) return cached
  // The account may be younger than the cache: a Secret is not deleted on hearsay.
  return client.get(ServiceAccount, name, { namespace }).catch((error: unknown) => {
    ignoreGone(error)
    return undefined
  })
}

async function requestToken(account: ServiceAccount, secret: Secret, { client }: Scope): Promise<string> {
  const { name = '', namespace } = account.metadata
  const request = {
    apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name },
    spec: { audiences: [], expirationSeconds: longest, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: secret.metadata.name, uid: secret.metadata.uid } },
  }
  const answer = (await client.create(ServiceAccount, request as unknown as ServiceAccount, { namespace, subresource: 'token' })) as unknown as AnyObject
  return (answer['status'] as { token: string }).token
}

function ignoreGone(error: unknown): void {
  if (!isApiError(error, 'NotFound', 'Conflict')) throw error
}
