import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { digestOf } from '../engine/images/registry-client.ts'

/** A registry in memory: Distribution API v2 for reading, and what pushing, signing and attesting leave there. */
export interface MemoryRegistry {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Pushes an image with a tag; its digest. */
  push(repository: string, tag: string, config?: object): string
  /** Leaves a cosign signature beside an image. */
  sign(repository: string, digest: string, signer: Signer, more?: { readonly optional?: object; readonly about?: string }): void
  /** Leaves an in-toto statement in a DSSE envelope beside an image. */
  attest(repository: string, digest: string, signer: Signer, statement: { readonly predicateType: string; readonly predicate: object; readonly about?: string }): void
  /** With it every request needs a token, which only this login gets. */
  login: { readonly username: string; readonly password: string } | undefined
}

export interface Signer {
  readonly key: KeyObject
  readonly certificate?: string
  readonly chain?: string
  /** The key of a transparency log that notes the signature. */
  readonly log?: { readonly key: KeyObject; readonly at: number }
}

export type KeyName = 'ecdsa' | 'rsa' | 'ed25519'

/** A new pair; the public key in PEM. */
export function newKey(name: KeyName): { readonly key: KeyObject; readonly pem: string } {
  const { privateKey, publicKey } = name === 'ecdsa' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : name === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519')
  return { key: privateKey, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

const signed = (data: Buffer, key: KeyObject): Buffer => sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key)

export function memoryRegistry(): MemoryRegistry {
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, Buffer>()
  const put = (bytes: Buffer): string => {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return digest
  }
  const layer = (repository: string, tag: string, entry: object): void => {
    const known = manifests.get(`${repository}:${tag}`)
    const layers = known === undefined ? [] : (JSON.parse(known.toString()) as { layers: object[] }).layers
    manifests.set(`${repository}:${tag}`, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', layers: [...layers, entry] })))
  }
  const signerFields = ({ certificate, chain, log }: Signer, body: object): Record<string, string> => {
    if (log === undefined) return { ...(certificate === undefined ? {} : { 'dev.sigstore.cosign/certificate': certificate }), ...(chain === undefined ? {} : { 'dev.sigstore.cosign/chain': chain }) }
    const payload = { body: Buffer.from(JSON.stringify(body)).toString('base64'), integratedTime: Math.floor(log.at / 1000), logID: 'log', logIndex: 1 }
    const { body: text, integratedTime, logID, logIndex } = payload
    const stamp = signed(Buffer.from(JSON.stringify({ body: text, integratedTime, logID, logIndex })), log.key).toString('base64')
    return { ...signerFields({ ...(certificate === undefined ? {} : { certificate }), ...(chain === undefined ? {} : { chain }) } as Signer, body), 'dev.sigstore.cosign/bundle': JSON.stringify({ SignedEntryTimestamp: stamp, Payload: payload }) }
  }
  const registry: MemoryRegistry = {
    login: undefined,
    push(repository, tag, config = {}) {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config: { digest: put(Buffer.from(JSON.stringify(config))) }, layers: [] }))
      const digest = digestOf(bytes)
      manifests.set(`${repository}:${tag}`, bytes)
      manifests.set(`${repository}:${digest}`, bytes)
      return digest
    },
    sign(repository, digest, signer, { optional = null, about = digest } = {}) {
      const payload = Buffer.from(JSON.stringify({ critical: { identity: { 'docker-reference': repository }, image: { 'docker-manifest-digest': about }, type: 'cosign container image signature' }, optional }))
      const signature = signed(payload, signer.key).toString('base64')
      const body = { kind: 'hashedrekord', spec: { data: { hash: { algorithm: 'sha256', value: digestOf(payload).slice(7) } }, signature: { content: signature } } }
      layer(repository, `${digest.replace(':', '-')}.sig`, { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', digest: put(payload), annotations: { 'dev.cosignproject.cosign/signature': signature, ...signerFields(signer, body) } })
    },
    attest(repository, digest, signer, { predicateType, predicate, about = digest }) {
      const type = 'application/vnd.in-toto+json'
      const payload = Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v0.1', predicateType, subject: [{ name: repository, digest: { sha256: about.slice(7) } }], predicate }))
      const data = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload])
      const envelope = Buffer.from(JSON.stringify({ payloadType: type, payload: payload.toString('base64'), signatures: [{ keyid: '', sig: signed(data, signer.key).toString('base64') }] }))
      layer(repository, `${digest.replace(':', '-')}.att`, { mediaType: 'application/vnd.dsse.envelope.v1+json', digest: put(envelope), annotations: { predicateType, ...signerFields(signer, {}) } })
    },
    async fetch(url, init) {
      const { pathname, host } = new URL(url)
      const authorization = new Headers(init?.headers).get('authorization')
      if (pathname === '/token') return authorization === `Basic ${Buffer.from(`${registry.login?.username}:${registry.login?.password}`).toString('base64')}` ? Response.json({ token: 'let-me-in' }) : new Response('no', { status: 401 })
      if (registry.login !== undefined && authorization !== 'Bearer let-me-in') return new Response('', { status: 401, headers: { 'www-authenticate': `Bearer realm="https://${host}/token",service="test",scope="pull"` } })
      const [, repository = '', what, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? []
      const found = what === 'blobs' ? blobs.get(reference) : manifests.get(`${host}/${repository}:${reference}`)
      return found === undefined ? new Response('{}', { status: 404 }) : new Response(new Uint8Array(found))
    },
  }
  return registry
}
