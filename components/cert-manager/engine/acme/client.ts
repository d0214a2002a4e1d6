import type { KeyObject } from 'node:crypto'
import { CodedError } from '@idp/kit'
import { splitCertificates } from '@idp/pki'
import { bindAccount, signJws, type MacAlgorithm } from './jws.ts'

/** How requests leave: the network of the pod. */
export type Send = (url: string, init: { readonly method: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }) => Promise<Response>

/** What an ACME server answers to a request that it refuses (RFC 8555 §6.7, RFC 7807). */
export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem'
  readonly status: number
  readonly type: string
  readonly detail: string
  /** Seconds to wait, when the server says so. */
  readonly retryAfter: number | undefined
  constructor(status: number, type: string, detail: string, retryAfter?: number) {
    super(`${status} ${type}: ${detail}`)
    this.status = status
    this.type = type
    this.detail = detail
    this.retryAfter = retryAfter
  }
  /** Repeating the request changes nothing. */
  get permanent(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 429 && !this.type.endsWith(':rateLimited')
  }
}

interface Directory { newNonce: string; newAccount: string; newOrder: string; meta?: { externalAccountRequired?: boolean; termsOfService?: string } }
export interface Problem { readonly type?: string; readonly detail?: string }
export interface AcmeAccount { readonly url: string; readonly status: string; readonly contact: readonly string[] }
export interface AcmeOrder { readonly url: string; readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'; readonly finalize: string; readonly authorizations: readonly string[]; readonly certificate?: string; readonly error?: Problem; readonly retryAfter?: number }
export interface AcmeChallenge { readonly url: string; readonly type: string; readonly token: string; readonly status: 'pending' | 'processing' | 'valid' | 'invalid'; readonly error?: Problem }
export interface AcmeAuthorization { readonly identifier: { readonly type: string; readonly value: string }; readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked'; readonly challenges: readonly AcmeChallenge[]; readonly wildcard?: boolean; readonly retryAfter?: number }
export interface Binding { readonly keyId: string; readonly macKey: Uint8Array; readonly algorithm: MacAlgorithm }

export interface AcmeClientOptions {
  readonly directory: string
  readonly key: KeyObject
  readonly send: Send
  /** URL of the account, once it is known. */
  readonly account?: string
}

/** How often a request is repeated that came with a nonce the server no longer takes. */
const NONCE_RETRIES = 5

/** A client of RFC 8555. A class, since it keeps the directory and the nonces that answers brought. */
export class AcmeClient {
  readonly key: KeyObject
  readonly #send: Send
  readonly #directoryUrl: string
  readonly #nonces: string[] = []
  #directory: Promise<Directory> | undefined
  #account: string | undefined

  constructor({ directory, key, send, account }: AcmeClientOptions) {
    this.key = key
    this.#send = send
    this.#directoryUrl = directory
    this.#account = account
  }

  /** Registers the key, or finds the account that it has. */
  async register(contact: readonly string[], binding?: Binding): Promise<AcmeAccount> {
    const { newAccount, meta } = await this.#find()
    if (meta?.externalAccountRequired === true && binding === undefined) throw new AcmeProblem(400, 'urn:ietf:params:acme:error:externalAccountRequired', 'the server wants an external account binding')
    const payload = { termsOfServiceAgreed: true, contact, ...(binding === undefined ? {} : { externalAccountBinding: bindAccount(this.key, binding, newAccount) }) }
    const response = await this.#post(newAccount, payload, false)
    const account = await accountOf(response, response.headers.get('location') ?? '')
    this.#account = account.url
    return account
  }

  async updateContact(contact: readonly string[]): Promise<AcmeAccount> {
    const url = this.#known()
    return accountOf(await this.#post(url, { contact }), url)
  }

  async newOrder(identifiers: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[], options: { readonly notAfter?: string; readonly profile?: string } = {}): Promise<AcmeOrder> {
    const response = await this.#post((await this.#find()).newOrder, { identifiers, ...options })
    return orderOf(response, response.headers.get('location') ?? '')
  }

  async order(url: string): Promise<AcmeOrder> {
    return orderOf(await this.#post(url), url)
  }

  async authorization(url: string): Promise<AcmeAuthorization> {
    const response = await this.#post(url)
    return { ...await response.json() as AcmeAuthorization, ...waitOf(response) }
  }

  /** Tells the server that the challenge can be checked. */
  async accept(url: string): Promise<AcmeChallenge> {
    return await (await this.#post(url, {})).json() as AcmeChallenge
  }

  async finalize(url: string, csr: Uint8Array, order: string): Promise<AcmeOrder> {
    return orderOf(await this.#post(url, { csr: Buffer.from(csr).toString('base64url') }), order)
  }

  /** The chain, leaf first. With `preferred`, the alternative whose topmost issuer has that common name, if there is one (RFC 8555 §7.4.2). */
  async certificate(url: string, preferred?: (chain: string) => boolean): Promise<string> {
    const response = await this.#post(url, undefined, true, 'application/pem-certificate-chain')
    const chain = splitCertificates(await response.text()).join('')
    if (preferred === undefined || preferred(chain)) return chain
    const alternates = [...(response.headers.get('link') ?? '').matchAll(/<([^>]+)>\s*;\s*rel="?alternate"?/g)].map(([, link]) => new URL(link ?? '', url).href)
    for (const alternate of alternates) {
      const other = splitCertificates(await (await this.#post(alternate, undefined, true, 'application/pem-certificate-chain')).text()).join('')
      if (preferred(other)) return other
    }
    return chain
  }

  #known(): string {
    if (this.#account === undefined) throw new CodedError({ code: 'NoAccount', message: 'the ACME account is not registered yet' })
    return this.#account
  }

  #find(): Promise<Directory> {
    this.#directory ??= this.#load().catch((error: unknown) => {
      this.#directory = undefined
      throw error
    })
    return this.#directory
  }

  async #load(): Promise<Directory> {
    const response = await this.#send(this.#directoryUrl, { method: 'GET' })
    if (!response.ok) throw await problemOf(response)
    const found = await response.json() as Partial<Directory>
    const { newNonce, newAccount, newOrder, meta } = found
    if (newNonce === undefined || newAccount === undefined || newOrder === undefined) throw new CodedError({ code: 'NoDirectory', message: 'the server answers no ACME directory', where: this.#directoryUrl })
    return { newNonce, newAccount, newOrder, ...(meta === undefined ? {} : { meta }) }
  }

  async #nonce(): Promise<string> {
    const held = this.#nonces.pop()
    if (held !== undefined) return held
    const response = await this.#send((await this.#find()).newNonce, { method: 'HEAD' })
    const fresh = response.headers.get('replay-nonce')
    if (fresh === null) throw new CodedError({ code: 'NoNonce', message: 'the ACME server gives no nonce', where: this.#directoryUrl })
    return fresh
  }

  /** POST, or POST-as-GET without a payload. A stale nonce is replaced and the request repeated (RFC 8555 §6.5). */
  async #post(url: string, payload?: unknown, withAccount = true, accept?: string): Promise<Response> {
    for (let tries = 0; ; tries++) {
      const jws = signJws(payload, this.key, { url, nonce: await this.#nonce(), ...(withAccount ? { kid: this.#known() } : {}) })
      const response = await this.#send(url, { method: 'POST', headers: { 'content-type': 'application/jose+json', ...(accept === undefined ? {} : { accept }) }, body: JSON.stringify(jws) })
      const next = response.headers.get('replay-nonce')
      if (next !== null) this.#nonces.push(next)
      if (response.ok) return response
      const problem = await problemOf(response)
      if (problem.type !== 'urn:ietf:params:acme:error:badNonce' || tries >= NONCE_RETRIES) throw problem
    }
  }
}

async function orderOf(response: Response, url: string): Promise<AcmeOrder> {
  return { ...await response.json() as AcmeOrder, url: response.headers.get('location') ?? url, ...waitOf(response) }
}

async function accountOf(response: Response, url: string): Promise<AcmeAccount> {
  const { status, contact = [] } = await response.json() as { status: string; contact?: string[] }
  return { url, status, contact }
}

function waitOf(response: Response): { retryAfter?: number } {
  const header = response.headers.get('retry-after')
  return header !== null && /^\d+$/.test(header) ? { retryAfter: Number(header) } : {}
}

async function problemOf(response: Response): Promise<AcmeProblem> {
  const text = await response.text()
  let body: Problem = {}
  try {
    body = JSON.parse(text) as Problem
  } catch {
    // Not of ACME's form: a proxy's page, say. Its first line is the detail.
  }
  return new AcmeProblem(response.status, body.type ?? '', body.detail ?? text.split('\n')[0]?.slice(0, 200) ?? '', waitOf(response).retryAfter)
}
