import type { Secret } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { ObjectStorage } from '../object-storage.ts'
import type { Resource, Strategy } from '../resource.ts'
import type { TokenSigner } from './service-account-tokens.ts'

const type = 'kubernetes.io/service-account-token'
const account = 'kubernetes.io/service-account.name'
const accountUid = 'kubernetes.io/service-account.uid'
/** Tokens of Secrets live as long as their Secret; a date far away stands for that. */
const years = 10 * 365 * 24 * 3600

/** Fills Secrets of type `kubernetes.io/service-account-token` with a token of their account, in the write that creates or changes them. */
export function accountTokenSecrets(storage: ObjectStorage, accounts: Resource, signer: TokenSigner, options: { readonly ca: string | undefined; now(): number }): Strategy {
  const fill = (object: AnyObject) => {
    const secret = object as unknown as Secret
    const { metadata } = secret
    if (secret.type !== type || secret.data?.['token'] !== undefined) return
    const name = metadata.annotations?.[account] ?? ''
    const owner = storage.find(accounts, { namespace: metadata.namespace, name })
    if (owner === undefined) return
    const uid = owner.metadata.uid ?? ''
    const token = signer.issue({
      sub: `system:serviceaccount:${metadata.namespace ?? ''}:${name}`, aud: [signer.issuer], exp: Math.floor(options.now() / 1000) + years,
      'kubernetes.io': { namespace: metadata.namespace ?? '', serviceaccount: { name, uid }, secret: { name: metadata.name ?? '', uid: metadata.uid ?? '' } },
    })
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    secret.data = { ...secret.data, token: base64(token), namespace: base64(metadata.namespace ?? ''), ...(options.ca === undefined ? {} : { 'ca.crt': base64(options.ca) }) }
    metadata.annotations = { ...metadata.annotations, [accountUid]: uid }
  }
  return { prepareCreate: fill, prepareUpdate: fill }
}
