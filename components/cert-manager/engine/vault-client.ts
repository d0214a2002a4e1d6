import { CodedError } from '@idp/kit'
import type { FetchOptions, Net, TlsIdentity } from '@idp/sandbox'

/** How Vault is reached. */
export interface VaultOptions {
  readonly server: string
  readonly fetch: Net['fetch']
  /** PEM; the cluster's CA otherwise. */
  readonly ca?: string
  readonly clientIdentity?: TlsIdentity
  /** Enterprise namespace. */
  readonly namespace?: string
}

/** An answer of Vault that is no success. Its message holds no secrets: Vault's own errors only. */
export class VaultRefusal extends Error {
  override readonly name = 'VaultRefusal'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A POST to Vault's HTTP API. @param path without `/v1/` @throws VaultRefusal */
export async function callVault<T>({ server, fetch, ca, clientIdentity, namespace }: VaultOptions, path: string, body: object, token?: string): Promise<T> {
  const url = `${server.replace(/\/+$/, '')}/v1/${path.replace(/^\/?(v1\/)?/, '')}`
  const options: FetchOptions = {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { 'x-vault-token': token }), ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }) },
    ...(ca === undefined ? {} : { ca }), ...(clientIdentity === undefined ? {} : { clientIdentity }),
  }
  const response = await fetch(url, options)
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  throw new VaultRefusal(response.status, `Error making API request. URL: POST ${url}. Code: ${response.status}. Errors: ${errorsIn(text)}`)
}

function errorsIn(text: string): string {
  try {
    return ((JSON.parse(text) as { errors?: string[] }).errors ?? []).join('; ')
  } catch {
    return text.slice(0, 200) // not Vault, but what stands before it
  }
}

/** Whether Vault can answer: initialised and unsealed. @throws CodedError `VaultNotReady` */
export async function checkVault({ server, fetch, ca, clientIdentity }: VaultOptions): Promise<void> {
  const response = await fetch(`${server.replace(/\/+$/, '')}/v1/sys/health?standbyok=true`, { ...(ca === undefined ? {} : { ca }), ...(clientIdentity === undefined ? {} : { clientIdentity }) })
  await response.body?.cancel()
  if (response.status === 200 || response.status === 429 || response.status === 472 || response.status === 473) return
  throw new CodedError({ code: 'VaultNotReady', message: response.status === 503 ? 'Vault is sealed' : response.status === 501 ? 'Vault is not initialized' : `error calling Vault sys/health: status ${response.status}` })
}

/** Logs in and returns the token. */
export async function loginToVault(options: VaultOptions, mount: string, body: object): Promise<string> {
  const answer = await callVault<{ auth?: { client_token?: string } }>(options, `${mount.replace(/^\/?(v1\/)?/, '').replace(/\/+$/, '')}/login`, body)
  const token = answer.auth?.client_token
  if (token === undefined || token === '') throw new CodedError({ code: 'NoToken', message: 'Vault returned no token' })
  return token
}
