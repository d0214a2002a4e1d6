import type { FetchOptions } from '@idp/sandbox'
import { redact } from '../../engine/redact.ts'
import { bytes, type SecretMap } from '../../engine/secret-map.ts'
import type { ProviderContext } from '../provider.ts'
import { readCa, readSecretKey, requestToken } from '../references.ts'
import { vaultSpecOf, type VaultSpec } from './vault-spec.ts'

/** An answer of Vault with an error status. Its message has upstream's form and no secret. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly status: number
  constructor(method: string, url: string, status: number, errors: readonly string[]) {
    super(`Error making API request. URL: ${method} ${url} Code: ${status}. Errors: ${errors.length === 0 ? '' : errors.map((each) => `* ${each}`).join(' ')}`)
    this.status = status
  }
}

export interface VaultRequest { readonly query?: Record<string, string>; readonly body?: unknown; readonly method?: string; readonly token?: string; readonly contentType?: string }

/** A logged-in connection to a Vault. */
export interface VaultSession {
  /** The JSON body of an answer; undefined for 404. Throws VaultError. */
  request(path: string, request?: VaultRequest): Promise<Record<string, unknown> | undefined>
  /** True when the token is the operator's own to revoke (not one from a Secret). */
  readonly ownsToken: boolean
  readonly loggedInAt: number
  readonly token: string
}

/** Logs in with the first method that the store's `auth` names, in upstream's order. */
export async function openSession(context: ProviderContext): Promise<VaultSession> {
  const spec = vaultSpecOf(context.store)
  const send = await transport(context, spec)
  const auth = spec.auth ?? {}
  const token = auth.tokenSecretRef === undefined ? await login(context, spec, send) : (await readSecretKey(context, auth.tokenSecretRef)).trim()
  return { request: (path, request = {}) => send(path, { token, ...request }), ownsToken: auth.tokenSecretRef === undefined, loggedInAt: context.clock.now(), token }
}

type Send = (path: string, request?: VaultRequest & { readonly authentication?: boolean }) => Promise<Record<string, unknown> | undefined>

async function transport(context: ProviderContext, spec: VaultSpec): Promise<Send> {
  const ca = await readCa(context, spec)
  // The certificate that logs in comes before the one that only opens the connection.
  const [certificate, key] = spec.auth?.cert === undefined ? [spec.tls?.certSecretRef, spec.tls?.keySecretRef] : [spec.auth.cert.clientCert, spec.auth.cert.secretRef]
  const clientIdentity = certificate === undefined || key === undefined ? undefined : { cert: await readSecretKey(context, certificate, 'tls.crt'), key: await readSecretKey(context, key, 'tls.key') }
  return async (path, { query, body, method = body === undefined ? 'GET' : 'PUT', token, contentType = 'application/json', authentication = false } = {}) => {
    const url = new URL(`${spec.server.replace(/\/+$/, '')}/v1/${path.split('/').map(encodeURIComponent).join('/')}`)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    const namespace = authentication ? spec.auth?.namespace ?? spec.namespace : spec.namespace
    const options: FetchOptions = {
      method, ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...(ca === undefined ? {} : { ca }), ...(clientIdentity === undefined ? {} : { clientIdentity }),
      headers: { ...spec.headers, 'x-vault-request': 'true', ...(token === undefined ? {} : { 'x-vault-token': token }), ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }), ...(body === undefined ? {} : { 'content-type': contentType }) },
    }
    const response = await context.fetch(url.href, options)
    const raw = await response.text()
    const answer = parsed(raw)
    if (response.status === 404 && (answer?.['errors'] === undefined || (answer['errors'] as unknown[]).length === 0)) return undefined
    if (response.status >= 400) throw new VaultError(method, url.href, response.status, ((answer?.['errors'] as unknown[] | undefined) ?? []).map((each) => redact(String(each), secretsOf(token, body))))
    return answer ?? {}
  }
}

/** What was sent and may be echoed: the token, and every text in the body. */
function secretsOf(token: string | undefined, body: unknown): SecretMap {
  const found: SecretMap = new Map(token === undefined ? [] : [['token', bytes(token)]])
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'string') found.set(path, bytes(value))
    else if (typeof value === 'object' && value !== null) for (const [name, each] of Object.entries(value)) if (name !== 'role' && name !== 'name') walk(each, `${path}.${name}`)
  }
  walk(body, '')
  return found
}

function parsed(raw: string): Record<string, unknown> | undefined {
  if (raw === '') return undefined
  try {
    return JSON.parse(raw) as Record<string, unknown>
  } catch {
    // Whatever answers is no Vault; its text may be anything, so it is not quoted.
    return undefined
  }
}

async function login(context: ProviderContext, spec: VaultSpec, send: Send): Promise<string> {
  const { appRole, kubernetes, userPass, jwt, cert } = spec.auth ?? {}
  const call = async (path: string, body: Record<string, unknown>): Promise<string> => {
    const answer = await send(path, { body, method: 'PUT', authentication: true })
    const token = (answer?.['auth'] as { client_token?: string } | null | undefined)?.client_token
    if (token === undefined) throw new Error(`unable to log in to auth method at ${path}: Vault answered without a token`)
    return token
  }
  if (appRole !== undefined) {
    const role = appRole.roleId ?? (appRole.roleRef === undefined ? '' : await readSecretKey(context, appRole.roleRef))
    return call(`auth/${appRole.path ?? 'approle'}/login`, { role_id: role.trim(), secret_id: (await readSecretKey(context, appRole.secretRef)).trim() })
  }
  if (kubernetes !== undefined) {
    const token = kubernetes.serviceAccountRef !== undefined ? await requestToken(context, kubernetes.serviceAccountRef) : kubernetes.secretRef !== undefined ? await readSecretKey(context, kubernetes.secretRef, 'token') : await context.ownToken()
    return call(`auth/${kubernetes.mountPath ?? 'kubernetes'}/login`, { role: kubernetes.role, jwt: token })
  }
  if (userPass !== undefined) {
    return call(`auth/${userPass.path ?? 'userpass'}/login/${userPass.username.trim()}`, { password: userPass.secretRef === undefined ? '' : (await readSecretKey(context, userPass.secretRef)).trim() })
  }
  if (jwt !== undefined) {
    const { kubernetesServiceAccountToken: account, secretRef, role } = jwt
    if (account === undefined && secretRef === undefined) throw new Error('cannot initialize Vault client: auth.jwt names neither secretRef nor kubernetesServiceAccountToken')
    const token = account !== undefined ? await requestToken(context, account.serviceAccountRef, account.expirationSeconds ?? 600, account.audiences ?? ['vault']) : (await readSecretKey(context, secretRef ?? { name: '' })).trim()
    return call(`auth/${jwt.path ?? 'jwt'}/login`, { jwt: token, ...(role === undefined ? {} : { role }) })
  }
  if (cert !== undefined) return call(`auth/${cert.path ?? 'cert'}/login`, cert.vaultRole === undefined ? {} : { name: cert.vaultRole })
  throw new Error('cannot initialize Vault client: no valid auth method specified')
}
