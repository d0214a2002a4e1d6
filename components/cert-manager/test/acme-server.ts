import { createHash, createHmac, createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { Clock } from '@idp/kit'
import { createCa, encodePem, parseCertificate, parseCsr, parseKey, signCertificate, type KeyPair } from '@idp/pki'

/** An ACME server (RFC 8555) in memory: strict about nonces, URLs and signatures, validates http-01 over the network it is given. */
export interface AcmeServer {
  /** Root of what it issues. */
  readonly root: KeyPair
  /** What it was asked, as `POST /new-order`. */
  readonly requests: string[]
  readonly accounts: Map<string, { readonly url: string; contact: string[]; status: string; readonly key: KeyObject; readonly externalKid?: string }>
  handle(request: Request): Promise<Response>
}

export interface AcmeServerOptions {
  readonly base: string
  readonly clock: Clock
  /** The network over which challenges are validated. */
  readonly fetch: (url: string) => Promise<Response>
  /** Key identifier and MAC key (base64url): accounts must be bound. */
  readonly external?: Readonly<Record<string, string>>
  /** Every n-th nonce is refused once. */
  readonly badNonceEvery?: number
  /** New orders that are refused with `rateLimited` before they are taken. */
  rateLimited?: number
  /** An order answers `processing` that often before it is valid. */
  readonly processing?: number
  /** Common name of the root of a second chain. */
  readonly alternate?: string
  readonly days?: number
}

interface Jws { protected: string; payload: string; signature: string }
interface Order { status: string; identifiers: { type: string; value: string }[]; authorizations: string[]; account: string; finalize: string; certificate?: string; left: number; error?: object; pem?: string; other?: string }
interface Authorization { status: string; identifier: { type: string; value: string }; wildcard: boolean; challenge: { url: string; type: string; token: string; status: string; error?: object }; account: string; order: string }

class Refusal extends Error {
  readonly status: number
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, type: string, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.status = status
    this.type = type
    this.headers = headers
  }
}
const malformed = (detail: string): Refusal => new Refusal(400, 'malformed', detail)
const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>

function thumbprint(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' })
  const members = jwk.kty === 'RSA' ? { e: jwk.e, kty: jwk.kty, n: jwk.n } : { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

export async function acmeServer(options: AcmeServerOptions): Promise<AcmeServer> {
  const { base, clock, days = 90 } = options
  const root = await createCa({ subject: { commonName: 'acme root' }, now: clock.now(), days: 3650 })
  const middle = await createCa({ subject: { commonName: 'acme intermediate' }, parent: root, now: clock.now(), days: 1000 })
  const second = options.alternate === undefined ? undefined : await createCa({ subject: { commonName: options.alternate }, now: clock.now(), days: 3650 })
  const crossed = second === undefined ? undefined : signCertificate({ subject: { commonName: 'acme intermediate' }, isCa: true, usages: ['cert sign'], notBefore: clock.now(), notAfter: clock.now() + 1e10, publicKey: parseCertificate(middle.cert).publicKey }, { key: parseKey(second.key), certificate: parseCertificate(second.cert) })
  const nonces = new Set<string>()
  const accounts: AcmeServer['accounts'] = new Map()
  const orders = new Map<string, Order>()
  const authorizations = new Map<string, Authorization>()
  const requests: string[] = []
  let count = 0
  let posts = 0
  const id = (): string => String(++count)
  const nonce = (): string => {
    const made = createHash('sha256').update(`nonce ${id()}`).digest('base64url')
    nonces.add(made)
    return made
  }

  interface Asked { readonly key: KeyObject; readonly account: string | undefined; readonly payload: Record<string, unknown> | undefined }

  /** RFC 8555 §6: flattened JWS, a nonce of ours, the URL that was asked, one of jwk and kid, a signature that fits. */
  async function open(request: Request): Promise<Asked> {
    if (request.headers.get('content-type') !== 'application/jose+json') throw new Refusal(415, 'malformed', 'the content type must be application/jose+json')
    const jws = await request.json() as Jws
    const head = decode(jws.protected)
    if (!nonces.delete(String(head['nonce'])) || (options.badNonceEvery !== undefined && ++posts % options.badNonceEvery === 0)) throw new Refusal(400, 'badNonce', 'the nonce is not of this server')
    if (head['url'] !== request.url) throw new Refusal(401, 'unauthorized', `the signed URL is ${String(head['url'])}`)
    if (('jwk' in head) === ('kid' in head)) throw malformed('exactly one of jwk and kid is needed')
    const account = [...accounts.values()].find(({ url }) => url === head['kid'])
    if ('kid' in head && account === undefined) throw new Refusal(400, 'accountDoesNotExist', 'there is no such account')
    if (account !== undefined && account.status !== 'valid') throw new Refusal(401, 'unauthorized', 'the account is deactivated')
    const key = account?.key ?? createPublicKey({ key: head['jwk'] as JsonWebKey, format: 'jwk' })
    if (head['alg'] !== (key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256')) throw new Refusal(400, 'badSignatureAlgorithm', String(head['alg']))
    if (!verify('sha256', Buffer.from(`${jws.protected}.${jws.payload}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(jws.signature, 'base64url'))) throw malformed('the signature does not fit')
    return { key, account: account?.url, payload: jws.payload === '' ? undefined : decode(jws.payload) }
  }

  const accountJson = ({ contact, status }: { contact: string[]; status: string }): object => ({ status, contact, orders: `${base}/orders` })

  function newAccount({ key, payload = {} }: Asked): Response {
    const known = accounts.get(thumbprint(key))
    if (known !== undefined) return Response.json(accountJson(known), { status: 200, headers: { location: known.url } })
    if (payload['onlyReturnExisting'] === true) throw new Refusal(400, 'accountDoesNotExist', 'there is no account with this key')
    if (payload['termsOfServiceAgreed'] !== true) throw new Refusal(403, 'userActionRequired', 'agree to the terms')
    const contact = (payload['contact'] ?? []) as string[]
    if (contact.some((each) => !/^mailto:[^@]+@[^@]+\.[a-z]+$/.test(each))) throw new Refusal(400, 'invalidContact', `cannot mail to ${contact.join()}`)
    const externalKid = bound(key, payload['externalAccountBinding'] as Jws | undefined)
    const made = { url: `${base}/account/${id()}`, contact, status: 'valid', key, ...(externalKid === undefined ? {} : { externalKid }) }
    accounts.set(thumbprint(key), made)
    return Response.json(accountJson(made), { status: 201, headers: { location: made.url } })
  }

  function bound(key: KeyObject, jws: Jws | undefined): string | undefined {
    if (options.external === undefined) return undefined
    if (jws === undefined) throw new Refusal(403, 'externalAccountRequired', 'bind the account')
    const head = decode(jws.protected)
    const macKey = Buffer.from(options.external[String(head['kid'])] ?? '', 'base64url')
    const hash = `sha${String(head['alg']).slice(2)}`
    const right = createHmac(hash, macKey).update(`${jws.protected}.${jws.payload}`).digest('base64url') === jws.signature
    if (!right || head['url'] !== `${base}/new-account` || thumbprint(createPublicKey({ key: decode(jws.payload) as JsonWebKey, format: 'jwk' })) !== thumbprint(key)) throw new Refusal(403, 'unauthorized', 'the binding is wrong')
    return String(head['kid'])
  }

  function newOrder({ account, payload = {} }: Asked): Response {
    if ((options.rateLimited ?? 0) > 0) {
      options.rateLimited = (options.rateLimited ?? 0) - 1
      throw new Refusal(429, 'rateLimited', 'too many orders', { 'retry-after': '30' })
    }
    const identifiers = payload['identifiers'] as { type: string; value: string }[]
    for (const { value } of identifiers) if (value.endsWith('.forbidden')) throw new Refusal(403, 'rejectedIdentifier', `no certificates for ${value}`)
    const url = `${base}/order/${id()}`
    const made: Order = { status: 'pending', identifiers, authorizations: [], account: account ?? '', finalize: `${url}/finalize`, left: options.processing ?? 0 }
    for (const identifier of identifiers) {
      const authorization = `${base}/authz/${id()}`
      const wildcard = identifier.value.startsWith('*.')
      const token = createHash('sha256').update(authorization).digest('base64url')
      authorizations.set(authorization, { status: 'pending', identifier: { ...identifier, value: identifier.value.replace('*.', '') }, wildcard, account: account ?? '', order: url, challenge: { url: `${base}/challenge/${id()}`, type: wildcard ? 'dns-01' : 'http-01', token, status: 'pending' } })
      made.authorizations.push(authorization)
    }
    orders.set(url, made)
    return Response.json(orderJson(made), { status: 201, headers: { location: url } })
  }

  const orderJson = ({ status, identifiers, authorizations: all, finalize, certificate, error }: Order): object => ({ status, identifiers, authorizations: all, finalize, ...(status === 'valid' ? { certificate } : {}), ...(error === undefined ? {} : { error }) })
  const authorizationJson = ({ status, identifier, wildcard, challenge }: Authorization): object => ({ status, identifier, ...(wildcard ? { wildcard } : {}), challenges: [challenge] })

  /** Looks at the solver, as RFC 8555 §8.3 says. */
  async function validate(authorization: Authorization, key: KeyObject): Promise<void> {
    const { challenge, identifier } = authorization
    const url = `http://${identifier.value}/.well-known/acme-challenge/${challenge.token}`
    let error: object | undefined
    try {
      const response = await options.fetch(url)
      const text = (await response.text()).trim()
      if (response.status !== 200 || text !== `${challenge.token}.${thumbprint(key)}`) error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: `${url} answered ${response.status} ${JSON.stringify(text.slice(0, 80))}`, status: 403 }
    } catch (cause) {
      error = { type: 'urn:ietf:params:acme:error:connection', detail: `${url}: ${String(cause)}`, status: 400 }
    }
    challenge.status = error === undefined ? 'valid' : 'invalid'
    authorization.status = challenge.status
    if (error !== undefined) challenge.error = error
    const order = orders.get(authorization.order)
    if (order === undefined) return
    const all = order.authorizations.map((each) => authorizations.get(each)?.status)
    if (all.includes('invalid')) Object.assign(order, { status: 'invalid', error })
    else if (all.every((status) => status === 'valid')) order.status = 'ready'
  }

  function finalize(order: Order, payload: Record<string, unknown> = {}): Response {
    if (order.status !== 'ready') throw new Refusal(403, 'orderNotReady', `the order is ${order.status}`)
    const csr = parseCsr(encodePem('CERTIFICATE REQUEST', Buffer.from(String(payload['csr']), 'base64url')))
    const names = [...csr.dnsNames, ...csr.ipAddresses].sort().join()
    if (names !== order.identifiers.map(({ value }) => value).sort().join()) throw new Refusal(400, 'badCSR', `the request is for ${names}`)
    const now = Math.floor(clock.now() / 1000) * 1000
    const leaf = signCertificate({ subject: {}, dnsNames: csr.dnsNames, ipAddresses: csr.ipAddresses, publicKey: csr.publicKey, usages: ['digital signature', 'server auth'], notBefore: now, notAfter: now + days * 86_400_000 }, { key: parseKey(middle.key), certificate: parseCertificate(middle.cert) })
    order.pem = leaf + middle.cert
    order.other = leaf + (crossed ?? '')
    order.certificate = `${base}/certificate/${id()}`
    order.status = order.left > 0 ? 'processing' : 'valid'
    return Response.json(orderJson(order), { headers: order.status === 'processing' ? { 'retry-after': '1' } : {} })
  }

  async function dispatch(request: Request): Promise<Response> {
    const { url, method } = request
    if (url === `${base}/directory`) return Response.json({ newNonce: `${base}/new-nonce`, newAccount: `${base}/new-account`, newOrder: `${base}/new-order`, meta: { externalAccountRequired: options.external !== undefined } })
    if (url === `${base}/new-nonce`) return new Response(null, { status: method === 'HEAD' ? 200 : 204, headers: { 'replay-nonce': nonce() } })
    if (method !== 'POST') throw new Refusal(405, 'malformed', 'use POST-as-GET')
    const asked = await open(request)
    if (url === `${base}/new-account`) return newAccount(asked)
    if (asked.account === undefined) throw malformed('name the account')
    if (url === `${base}/new-order`) return newOrder(asked)
    const account = [...accounts.values()].find((each) => each.url === url)
    if (account !== undefined) {
      if (asked.payload?.['contact'] !== undefined) account.contact = asked.payload['contact'] as string[]
      return Response.json(accountJson(account))
    }
    return onOrder(url, asked)
  }

  async function onOrder(url: string, asked: Asked): Promise<Response> {
    const authorization = authorizations.get(url)
    if (authorization?.account === asked.account && authorization !== undefined) return Response.json(authorizationJson(authorization))
    const challenged = [...authorizations.values()].find(({ challenge, account }) => challenge.url === url && account === asked.account)
    if (challenged !== undefined) {
      if (asked.payload !== undefined && challenged.status === 'pending') {
        challenged.challenge.status = 'processing'
        void validate(challenged, asked.key)
      }
      return Response.json(challenged.challenge, { headers: { link: `<${base}/authz>;rel="up"` } })
    }
    const order = orders.get(url.replace(/\/finalize$/, ''))
    if (order !== undefined && order.account !== asked.account) throw new Refusal(403, 'unauthorized', 'not your order')
    if (order !== undefined && url.endsWith('/finalize')) return finalize(order, asked.payload)
    if (order !== undefined) {
      if (order.status === 'processing' && order.left-- <= 1) order.status = 'valid'
      return Response.json(orderJson(order))
    }
    for (const each of orders.values()) {
      const alternate = crossed === undefined ? {} : { link: `<${each.certificate}/1>;rel="alternate"` }
      if (each.certificate === url) return new Response(each.pem, { headers: { 'content-type': 'application/pem-certificate-chain', ...alternate } })
      if (`${each.certificate}/1` === url) return new Response(each.other, { headers: { 'content-type': 'application/pem-certificate-chain' } })
    }
    throw new Refusal(404, 'malformed', `there is nothing at ${url}`)
  }

  return {
    root, requests, accounts,
    async handle(request) {
      requests.push(`${request.method} ${new URL(request.url).pathname}`)
      try {
        const response = await dispatch(request)
        if (request.method === 'POST') response.headers.set('replay-nonce', nonce())
        return response
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return Response.json({ type: `urn:ietf:params:acme:error:${error.type}`, detail: error.message, status: error.status }, { status: error.status, headers: { 'content-type': 'application/problem+json', 'replay-nonce': nonce(), ...error.headers } })
      }
    },
  }
}
