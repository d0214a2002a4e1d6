import { isApiError, Secret } from '@idp/api'
import { controllerReference, isControlledBy, Waiting, watch, type Controller, type Scope } from '@idp/controller'
import { isCoded, messageOf, rfc3339, type Random } from '@idp/kit'
import { createCsr, exportKey, generateKey, parseCertificate, parseKey, publicKeyOf } from '@idp/pki'
import type { KeyObject } from 'node:crypto'
import { encodingOf, keyAlgorithmOf, renewalTime, requestTemplate, usagesOf } from '../engine/certificate-spec.ts'
import { conditionOf, isTrue, withCondition } from '../engine/conditions.ts'
import { passwordRefs, type Passwords } from '../engine/key-stores.ts'
import { dataOf, isRoutine, keyChanges, keyIn, readSecret, reasonToIssue, requestChanges } from '../engine/reissue.ts'
import { secretFor } from '../engine/secret.ts'
import { temporaryCertificate, wantsTemporary } from '../engine/temporary.ts'
import { Certificate, CertificateRequest, ClusterIssuer, Issuer, names, type CertificateStatus } from '../kinds/cert-manager.ts'
import { caToFollow, followersOf } from './follow-ca.ts'
import { secretValue, type World } from './world.ts'

/** First wait after a failed issuance; doubles with each further one. */
const RETRY = 3_600_000
const LONGEST_RETRY = 32 * RETRY

/** Keeps the Secret of each Certificate: issues, renews, and says how it stands. */
export function certificateController({ random, clusterNamespace }: Pick<World, 'random' | 'clusterNamespace'>): Controller<Certificate> {
  return {
    name: 'cert-manager-certificates-issuing',
    for: Certificate,
    owns: [CertificateRequest],
    concurrency: 4,
    reads: [Issuer, ClusterIssuer],
    watches: [watch(Secret, (secret, scope) => [...scope.cache(Certificate).list({ namespace: secret.metadata.namespace ?? '' }).filter((certificate) => reads(certificate, secret)), ...followersOf(secret, scope, clusterNamespace)]
      .map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace })))],
    async reconcile(certificate, scope) {
      const pass = new Pass(certificate, scope, { random, clusterNamespace })
      await pass.run()
      return { status: pass.status, ...(pass.again === undefined ? {} : { requeueAfter: pass.again }) }
    },
  }
}

const reads = ({ spec, status }: Certificate, { metadata: { name } }: Secret): boolean => spec.secretName === name || status?.nextPrivateKeySecretName === name || passwordRefs(spec).some(({ ref }) => ref?.name === name)

/** One look at a Certificate. A class, since its steps build up one status. */
class Pass {
  status: CertificateStatus
  again: number | undefined
  readonly #certificate: Certificate
  readonly #scope: Scope
  readonly #world: Pick<World, 'random' | 'clusterNamespace'>
  readonly #namespace: string
  readonly #now: number

  constructor(certificate: Certificate, scope: Scope, world: Pick<World, 'random' | 'clusterNamespace'>) {
    this.#certificate = certificate
    this.#scope = scope
    this.#world = world
    this.#namespace = certificate.metadata.namespace ?? ''
    this.#now = scope.clock.now()
    this.status = { ...certificate.status }
  }

  async run(): Promise<void> {
    const { spec } = this.#certificate
    const secret = this.#scope.cache(Secret).get(spec.secretName, this.#namespace)
    this.#trigger(secret)
    if (isTrue(this.status.conditions, 'Issuing')) await this.#issue(secret)
    else await this.#tidy(secret)
    this.#readiness(this.#scope.cache(Secret).get(spec.secretName, this.#namespace))
  }

  /** Sets `Issuing` when there is a reason to, unless a failure was too short a time ago. */
  #trigger(secret: Secret | undefined): void {
    if (isTrue(this.status.conditions, 'Issuing')) return
    const reason = reasonToIssue(this.#certificate, secret, this.#currentRequest(), this.#now, caToFollow(this.#certificate, this.#scope, this.#world.clusterNamespace))
    if (reason === undefined) return
    const { lastFailureTime, failedIssuanceAttempts = 1 } = this.status
    const failed = conditionOf(this.status.conditions, 'Issuing')
    if (lastFailureTime !== undefined && failed?.observedGeneration === this.#certificate.metadata.generation) {
      const wait = Date.parse(lastFailureTime) + Math.min(LONGEST_RETRY, RETRY * 2 ** (failedIssuanceAttempts - 1)) - this.#now
      if (wait > 0) return this.#wake(wait)
    }
    this.#set('Issuing', 'True', reason.reason, reason.message)
    this.#event('Normal', 'Issuing', reason.message)
  }

  /** The next revision: key, request, and when it is signed the Secret. */
  async #issue(secret: Secret | undefined): Promise<void> {
    const revision = (this.status.revision ?? 0) + 1
    const key = await this.#nextKey(secret)
    const request = await this.#request(revision, key)
    if (request === undefined) return
    const ready = conditionOf(request.status?.conditions, 'Ready')
    if (ready?.reason === 'Failed' || ready?.reason === 'Denied') return this.#failed(request, ready.reason === 'Denied' ? 'Denied' : 'Failed', ready.message ?? '')
    if (ready?.status !== 'True' || request.status?.certificate === undefined) return this.#standIn(secret, key)
    const pem = Buffer.from(request.status.certificate, 'base64').toString()
    const ca = request.status.ca === undefined ? undefined : Buffer.from(request.status.ca, 'base64').toString()
    const known = this.#scope.cache(Secret).get(this.#certificate.spec.secretName, this.#namespace)
    await this.#scope.client.apply(Secret, secretFor(this.#certificate, { pem, ca, key: exportKey(key, encodingOf(this.#certificate.spec)), passwords: this.#passwords() }, known), { fieldManager: 'cert-manager-certificates-issuing', force: true })
    await this.#dropNextKey()
    const { lastFailureTime: _time, failedIssuanceAttempts: _attempts, nextPrivateKeySecretName: _next, ...kept } = this.status
    this.status = { ...kept, revision, conditions: (kept.conditions ?? []).filter(({ type }) => type !== 'Issuing') }
    this.#event('Normal', 'Issuing', 'The certificate has been successfully issued')
  }

  /** Passwords of the key stores. @throws Waiting when a Secret that holds one is missing */
  #passwords(): Passwords {
    const found: Record<string, string> = {}
    for (const { store, password, ref } of passwordRefs(this.#certificate.spec)) {
      const value = ref === undefined ? { value: Buffer.from(password) } : secretValue(this.#scope, this.#namespace, { name: ref.name, key: ref.key ?? 'password' })
      if ('value' in value) found[store] = value.value.toString()
      else {
        const message = `Failed to create ${store.toUpperCase()} keystore: fetching the password: ${value.missing}`
        this.#event('Warning', 'SecretMissing', message)
        throw new Waiting(message)
      }
    }
    return found
  }

  /** Until the certificate is there: one that nobody vouches for, where it is wanted and there is none. It names no issuer, and so is never ready. */
  async #standIn(secret: Secret | undefined, key: KeyObject): Promise<void> {
    if (!wantsTemporary(this.#certificate) || readSecret(secret) !== undefined) return
    const { spec } = this.#certificate
    const nobodys = { ...this.#certificate, spec: { ...spec, issuerRef: { name: '', kind: '', group: '' } } }
    const pem = await temporaryCertificate(this.#certificate, key, this.#now)
    await this.#scope.client.apply(Secret, secretFor(nobodys, { pem, ca: undefined, key: exportKey(key, encodingOf(spec)), passwords: this.#passwords() }, secret), { fieldManager: 'cert-manager-certificates-issuing', force: true })
    this.#event('Normal', 'Issuing', 'Issued temporary certificate')
  }

  /** The key of the next revision, kept in a Secret of its own until it is used. */
  async #nextKey(secret: Secret | undefined): Promise<KeyObject> {
    const { client } = this.#scope
    // One that was made in a pass that did not come to its end is found by its owner.
    const name = this.status.nextPrivateKeySecretName ?? this.#scope.cache(Secret).ownedBy(this.#certificate.metadata.uid ?? '').find(({ metadata }) => metadata.labels?.[names.nextPrivateKey] === 'true')?.metadata.name
    if (name !== undefined) this.status.nextPrivateKeySecretName = name
    const stored = name === undefined ? undefined : dataOf(this.#scope.cache(Secret).get(name, this.#namespace), 'tls.key')
    if (stored !== undefined) {
      const key = parseKey(stored)
      if (keyChanges(this.#certificate, key) === undefined) return key
      await this.#dropNextKey()
    }
    const { spec, metadata } = this.#certificate
    const held = keyIn(secret)
    const reuse = spec.privateKey?.rotationPolicy === 'Never' && held !== undefined && keyChanges(this.#certificate, held) === undefined
    const key = reuse ? held : await generateKey(keyAlgorithmOf(spec))
    const made = `${(metadata.name ?? '').slice(0, 57)}-${suffix(this.#world.random)}`
    await client.create(Secret, {
      apiVersion: 'v1', kind: 'Secret',
      metadata: { name: made, namespace: this.#namespace, labels: { [names.nextPrivateKey]: 'true', [names.fao]: 'true' }, ownerReferences: [controllerReference(Certificate, this.#certificate)] },
      type: 'Opaque', data: { 'tls.key': Buffer.from(exportKey(key, encodingOf(spec))).toString('base64') },
    })
    this.status.nextPrivateKeySecretName = made
    this.#event('Normal', reuse ? 'Reused' : 'Generated', reuse ? `Reusing private key stored in existing Secret resource "${spec.secretName}"` : `Stored new private key in temporary Secret resource "${made}"`)
    return key
  }

  /** The request of a revision, made when it is missing or asks for something else; undefined when it cannot be made. */
  async #request(revision: number, key: KeyObject): Promise<CertificateRequest | undefined> {
    const { client } = this.#scope
    const { spec, metadata } = this.#certificate
    const name = `${(metadata.name ?? '').slice(0, 52)}-${revision}`
    const known = this.#scope.cache(CertificateRequest).get(name, this.#namespace)
    if (known !== undefined && isControlledBy(known, this.#certificate)) {
      if (requestChanges(this.#certificate, known).length === 0 && keyFits(known, key)) return known
      await client.delete(CertificateRequest, name, { namespace: this.#namespace })
    }
    let csr: string
    try {
      csr = createCsr({ ...requestTemplate(spec), key })
    } catch (error) {
      if (!isCoded(error)) throw error
      this.#failed(undefined, 'Failed', `Failed to generate CSR: ${messageOf(error)}`)
      return undefined
    }
    const request: CertificateRequest = {
      apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest',
      metadata: {
        name, namespace: this.#namespace, labels: { ...metadata.labels }, ownerReferences: [controllerReference(Certificate, this.#certificate)],
        annotations: { ...copied(metadata.annotations), [names.certificateName]: metadata.name ?? '', [names.revision]: String(revision), [names.privateKeySecret]: this.status.nextPrivateKeySecretName ?? '' },
      },
      spec: {
        request: Buffer.from(csr).toString('base64'), issuerRef: spec.issuerRef, usages: usagesOf(spec) as never,
        ...(spec.duration === undefined ? {} : { duration: spec.duration }), ...(spec.isCA === undefined ? {} : { isCA: spec.isCA }),
      },
    }
    try {
      const made = await client.create(CertificateRequest, request)
      this.#event('Normal', 'Requested', `Created new CertificateRequest resource "${name}"`)
      return made
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error
      return undefined // just being deleted, or somebody else's: its change wakes this loop again
    }
  }

  #failed(request: CertificateRequest | undefined, reason: string, message: string): void {
    const text = request === undefined ? message : `The certificate request has failed to complete and will be retried: ${message}`
    this.status.lastFailureTime = rfc3339(this.#now)
    this.status.failedIssuanceAttempts = (this.status.failedIssuanceAttempts ?? 0) + 1
    this.#set('Issuing', 'False', reason, text)
    this.#event('Warning', reason, text)
    this.#wake(Math.min(LONGEST_RETRY, RETRY * 2 ** (this.status.failedIssuanceAttempts - 1)))
    // The revision's request is spent; a new one is made at the next attempt.
    if (request !== undefined) void this.#scope.client.delete(CertificateRequest, request.metadata.name ?? '', { namespace: this.#namespace }).catch(() => undefined) // gone already, or removed at the next attempt
  }

  async #dropNextKey(): Promise<void> {
    const name = this.status.nextPrivateKeySecretName
    delete this.status.nextPrivateKeySecretName
    if (name !== undefined && this.#scope.cache(Secret).get(name, this.#namespace) !== undefined) await this.#scope.client.delete(Secret, name, { namespace: this.#namespace })
  }

  /** Keeps template, formats and annotations of the Secret up to date, and old requests within their limit. */
  async #tidy(secret: Secret | undefined): Promise<void> {
    await this.#dropNextKey()
    const held = readSecret(secret)
    if (secret !== undefined && held !== undefined) {
      const wish = secretFor(this.#certificate, { pem: dataOf(secret, 'tls.crt') ?? '', ca: dataOf(secret, 'ca.crt'), key: dataOf(secret, 'tls.key') ?? '', passwords: this.#passwords() }, secret)
      const differs = Object.entries(wish.metadata.annotations ?? {}).some(([name, value]) => secret.metadata.annotations?.[name] !== value)
        || Object.entries(wish.metadata.labels ?? {}).some(([name, value]) => secret.metadata.labels?.[name] !== value) || Object.entries(wish.data ?? {}).some(([name, value]) => secret.data?.[name] !== value)
      if (differs) await this.#scope.client.apply(Secret, wish, { fieldManager: 'cert-manager-certificates-issuing', force: true })
    }
    const limit = this.#certificate.spec.revisionHistoryLimit ?? 1
    const own = this.#scope.cache(CertificateRequest).ownedBy(this.#certificate.metadata.uid ?? '').toSorted((a, b) => revisionOf(b) - revisionOf(a))
    for (const old of own.slice(Number(limit))) await this.#scope.client.delete(CertificateRequest, old.metadata.name ?? '', { namespace: this.#namespace })
  }

  #readiness(secret: Secret | undefined): void {
    const reason = reasonToIssue(this.#certificate, secret, this.#currentRequest(), this.#now, caToFollow(this.#certificate, this.#scope, this.#world.clusterNamespace))
    const held = readSecret(secret)
    if (held === undefined) {
      for (const field of ['notBefore', 'notAfter', 'renewalTime'] as const) delete this.status[field]
    } else {
      const renew = renewalTime(this.#certificate.spec, held.certificate)
      Object.assign(this.status, { notBefore: rfc3339(held.certificate.notBefore), notAfter: rfc3339(held.certificate.notAfter), renewalTime: rfc3339(renew) })
      if (renew > this.#now) this.#wake(renew - this.#now)
    }
    if (reason === undefined || isRoutine(reason)) this.#set('Ready', 'True', 'Ready', 'Certificate is up to date and has not expired')
    else this.#set('Ready', 'False', reason.reason, reason.message)
  }

  /** The request that the Secret came from. */
  #currentRequest(): CertificateRequest | undefined {
    return this.#scope.cache(CertificateRequest).ownedBy(this.#certificate.metadata.uid ?? '').find((request) => revisionOf(request) === (this.status.revision ?? 0))
  }

  #set(type: string, status: 'True' | 'False', reason: string, message: string): void {
    this.status.conditions = withCondition(this.status.conditions, { type, status, reason, message, observedGeneration: this.#certificate.metadata.generation ?? 1 }, rfc3339(this.#now))
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#scope.event(this.#certificate, type, reason, message)
  }

  #wake(ms: number): void {
    this.again = Math.min(this.again ?? Infinity, ms)
  }
}

/** Annotations that travel with a request: all but those of tools that apply the Certificate. */
function copied(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !/^(kubectl\.kubernetes\.io|fluxcd\.io|argocd\.argoproj\.io)\//.test(name)))
}

function revisionOf(request: CertificateRequest): number {
  return Number(request.metadata.annotations?.[names.revision] ?? 0)
}

function keyFits(request: CertificateRequest, key: KeyObject): boolean {
  const pem = request.status?.certificate
  // Before it is signed the request itself cannot be wrong: it was made with this key or is replaced by the changes check.
  return pem === undefined || parseCertificate(Buffer.from(pem, 'base64').toString()).publicKey.equals(publicKeyOf(key))
}

function suffix(random: Random): string {
  return [...random(5)].map((byte) => 'bcdfghjklmnpqrstvwxz2456789'.charAt(byte % 27)).join('')
}
