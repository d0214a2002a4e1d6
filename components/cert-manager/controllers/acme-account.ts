import { createHash, type KeyObject } from 'node:crypto'
import { isApiError, Secret } from '@idp/api'
import type { Scope } from '@idp/controller'
import { isCoded, messageOf } from '@idp/kit'
import { exportKey, generateKey, parseKey } from '@idp/pki'
import { AcmeClient, AcmeProblem, type Binding, type Send } from '../engine/acme/client.ts'
import { dataOf } from '../engine/reissue.ts'
import type { AnyIssuer, IssuerStatus } from '../kinds/cert-manager.ts'
import { secretNamespace, secretValue, type World } from './world.ts'

type AcmeSpec = NonNullable<AnyIssuer['spec']['acme']>

/** How an issuer stands: its condition, and what it remembers. `failed` asks for another try. */
export interface Verdict { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string; readonly acme?: NonNullable<IssuerStatus['acme']>; readonly failed?: unknown }

const keyNameOf = ({ privateKeySecretRef: { name, key } }: AcmeSpec): { name: string; key: string } => ({ name, key: key === undefined || key === '' ? 'tls.key' : key })

/** Clients of ACME servers, one for each issuer, kept for their nonces and directories. */
export interface AcmeClients {
  /** Undefined while the issuer has no account or no key. */
  of(issuer: AnyIssuer, scope: Scope): AcmeClient | undefined
  /** A new one, in place of what was kept. */
  make(issuer: AnyIssuer, key: KeyObject, account?: string): AcmeClient
}

export function createAcmeClients(world: World): AcmeClients {
  const kept = new Map<string, { readonly mark: string; readonly client: AcmeClient }>()
  const markOf = (issuer: AnyIssuer, key: KeyObject, account: string | undefined): string => [issuer.spec.acme?.server, issuer.spec.acme?.caBundle, issuer.spec.acme?.skipTLSVerify, hashOf(key), account].join()
  const make = (issuer: AnyIssuer, key: KeyObject, account?: string): AcmeClient => {
    const spec = issuer.spec.acme as AcmeSpec // asked for ACME issuers only
    const client = new AcmeClient({ directory: spec.server, key, send: sendFor(spec, world), ...(account === undefined ? {} : { account }) })
    kept.set(issuer.metadata.uid ?? '', { mark: markOf(issuer, key, account), client })
    return client
  }
  return {
    make,
    of(issuer, scope) {
      const account = issuer.status?.acme?.uri
      const spec = issuer.spec.acme
      const key = spec === undefined || account === undefined ? undefined : accountKey(spec, scope, secretNamespace(issuer, world.clusterNamespace))
      if (key === undefined || !('key' in key) || account === undefined) return undefined
      const known = kept.get(issuer.metadata.uid ?? '')
      return known?.mark === markOf(issuer, key.key, account) ? known.client : make(issuer, key.key, account)
    },
  }
}

function sendFor(spec: AcmeSpec, { fetch }: World): Send {
  const ca = spec.caBundle === undefined || String(spec.caBundle) === '' ? undefined : Buffer.from(String(spec.caBundle), 'base64').toString()
  return (url, { method, headers, body }) => fetch(url, {
    method, headers: { 'user-agent': 'cert-manager', ...headers }, redirect: 'follow', ...(body === undefined ? {} : { body }), ...(ca === undefined ? {} : { ca }), ...(spec.skipTLSVerify === true ? { insecure: true } : {}),
  })
}

const hashOf = (key: KeyObject): string => createHash('sha256').update(key.export({ type: 'pkcs8', format: 'der' })).digest('base64')

function accountKey(spec: AcmeSpec, scope: Scope, namespace: string): { readonly key: KeyObject } | { readonly absent: true } | { readonly invalid: string } {
  const { name, key } = keyNameOf(spec)
  const secret = scope.cache(Secret).get(name, namespace)
  if (secret === undefined) return { absent: true }
  const text = dataOf(secret, key)
  if (text === undefined) return { invalid: `no data for "${key}" in secret '${namespace}/${name}'` }
  try {
    return { key: parseKey(text) }
  } catch (error) {
    if (!isCoded(error)) throw error
    return { invalid: messageOf(error) }
  }
}

/** Registers the account of an ACME issuer, or finds it again, and keeps its address up to date. */
export async function judgeAcme(issuer: AnyIssuer, scope: Scope, world: World, clients: AcmeClients): Promise<Verdict> {
  const spec = issuer.spec.acme as AcmeSpec // called for ACME issuers only
  const namespace = secretNamespace(issuer, world.clusterNamespace)
  const unsupported = unsupportedSolver(spec)
  if (unsupported !== undefined) return no('InvalidSolver', unsupported)
  const held = accountKey(spec, scope, namespace)
  if ('invalid' in held) return no('ErrVerifyACMEAccount', `Account private key is invalid: ${held.invalid}`)
  if ('absent' in held && spec.disableAccountKeyGeneration === true) {
    return no('ErrVerifyACMEAccount', `Failed to verify ACME account: the ACME issuer config has 'disableAccountKeyGeneration' set to true, but the secret was not found: secrets "${spec.privateKeySecretRef.name}" not found`)
  }
  const key = 'key' in held ? held.key : await makeKey(spec, scope, namespace)
  if (key === undefined) return no('ErrRegisterACMEAccount', 'Failed to register ACME account: the private key is being made', new Error('another instance makes the key'))
  if (key.asymmetricKeyType !== 'rsa') return no('ErrVerifyACMEAccount', `ACME private key in "${spec.privateKeySecretRef.name}" is not of type RSA`)
  const server = parseUrl(spec.server)
  if (server === undefined) return no('InvalidURL', `Failed to parse existing ACME server URI "${spec.server}"`)
  const known = 'key' in held ? issuer.status?.acme ?? {} : {}
  const email = spec.email ?? ''
  const lastPrivateKeyHash = hashOf(key)
  const ready = issuer.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  const yes = (uri: string): Verdict => ({ status: 'True', reason: 'ACMEAccountRegistered', message: 'The ACME account was registered with the ACME server', acme: { uri, lastPrivateKeyHash, lastRegisteredEmail: email } })
  if (ready && known.uri !== undefined && parseUrl(known.uri)?.host === server.host && (known.lastRegisteredEmail ?? '') === email && known.lastPrivateKeyHash === lastPrivateKeyHash) return yes(known.uri)
  const binding = bindingOf(spec, scope, namespace)
  if (binding !== undefined && 'missing' in binding) return no('ErrRegisterACMEAccount', `Failed to register ACME account: failed to get External Account Binding key from secret: ${binding.missing}`)
  const contact = email === '' ? [] : [`mailto:${email}`]
  const client = clients.make(issuer, key)
  try {
    const account = await client.register(contact, binding)
    if (account.status !== 'valid') return no('ErrRegisterACMEAccount', `Failed to register ACME account: the account is ${account.status}`)
    if (account.contact.join() !== contact.join() && email !== '') await client.updateContact(contact)
    return yes(account.url)
  } catch (error) {
    const message = `Failed to register ACME account: ${messageOf(error)}`
    scope.event(issuer, 'Warning', 'ErrRegisterACMEAccount', message)
    return error instanceof AcmeProblem && error.permanent ? no('ErrRegisterACMEAccount', message) : no('ErrRegisterACMEAccount', message, error)
  }
}

const no = (reason: string, message: string, failed?: unknown): Verdict => ({ status: 'False', reason, message, ...(failed === undefined ? {} : { failed }) })

/** What of an issuer's solvers is not implemented, by name. */
function unsupportedSolver({ solvers = [] }: AcmeSpec): string | undefined {
  for (const [i, { dns01 }] of solvers.entries()) {
    const provider = dns01 === undefined ? undefined : Object.keys(dns01).find((name) => name !== 'cnameStrategy')
    if (provider !== undefined) return `spec.acme.solvers[${i}].dns01.${provider}: DNS-01 is not supported by this stand-in; use http01`
  }
  return undefined
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** A new account key in its Secret; undefined when somebody else was faster. */
async function makeKey(spec: AcmeSpec, scope: Scope, namespace: string): Promise<KeyObject | undefined> {
  const made = await generateKey({ type: 'RSA', size: 2048 })
  const { name, key } = keyNameOf(spec)
  try {
    await scope.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data: { [key]: Buffer.from(exportKey(made, 'PKCS1')).toString('base64') } })
    return made
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return undefined
    throw error
  }
}

function bindingOf({ externalAccountBinding }: AcmeSpec, scope: Scope, namespace: string): Binding | { readonly missing: string } | undefined {
  if (externalAccountBinding === undefined) return undefined
  const { keyID, keySecretRef, keyAlgorithm } = externalAccountBinding
  const found = secretValue(scope, namespace, { name: keySecretRef.name, key: keySecretRef.key ?? '' })
  if ('missing' in found) return found
  // The CA hands the key out in base64url; padding and the plain alphabet are taken too.
  return { keyId: keyID, macKey: Buffer.from(found.value.toString().trim(), 'base64'), algorithm: (keyAlgorithm as Binding['algorithm'] | undefined) ?? 'HS256' }
}
