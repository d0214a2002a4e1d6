import { isIP } from 'node:net'
import { isApiError } from '@idp/api'
import { controllerReference, isControlledBy, Waiting, type Controller, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { messageOf, rfc3339, sleep } from '@idp/kit'
import { decodePem, parseCertificates } from '@idp/pki'
import { AcmeProblem, type AcmeClient, type AcmeOrder } from '../engine/acme/client.ts'
import { keyAuthorization } from '../engine/acme/jws.ts'
import { pickSolver } from '../engine/acme/pick-solver.ts'
import { computeName } from '../engine/compute-name.ts'
import { parseGoDuration } from '../engine/go-duration.ts'
import { acmeNames, Challenge, failed, final, Order, type AcmeState, type AuthorizationStatus, type OrderStatus, type Solver } from '../kinds/acme.ts'
import { ClusterIssuer, Issuer, type AnyIssuer } from '../kinds/cert-manager.ts'
import type { AcmeClients } from './acme-account.ts'
import { findIssuer } from './world.ts'

/** How long a server that works on an order is waited for in one pass, and how long until it is asked again. */
const PATIENCE = 20_000
const AGAIN = 5_000

/** Leads Orders to their certificate: order, authorizations, challenges, finalisation, download. */
export function orderController(clients: AcmeClients): Controller<Order> {
  return {
    name: 'cert-manager-orders', for: Order, owns: [Challenge], reads: [Issuer, ClusterIssuer], concurrency: 4,
    // A reason alone is written for people: taking it as news would undo the wait that it explains.
    concerns: (before, after) => before === undefined || !deepEqual({ ...before.status, reason: '' }, { ...after.status, reason: '' }) || before.metadata.generation !== after.metadata.generation || before.metadata.deletionTimestamp !== after.metadata.deletionTimestamp,
    async reconcile(order, scope) {
      if (failed(order.status?.state)) return
      const issuer = findIssuer(order.spec.issuerRef, order.metadata.namespace ?? '', scope)
      const client = issuer === undefined ? undefined : clients.of(issuer, scope)
      if (issuer === undefined || client === undefined) throw new Waiting(`the account of issuer "${order.spec.issuerRef.name}" is not registered`, 5_000)
      const pass = new Pass(order, issuer, client, scope)
      const requeueAfter = await pass.run()
      return { status: pass.status, ...(requeueAfter === undefined ? {} : { requeueAfter }) }
    },
  }
}

/** One look at an Order. A class, since its steps build up one status. */
class Pass {
  readonly status: OrderStatus
  readonly #order: Order
  readonly #issuer: AnyIssuer
  readonly #client: AcmeClient
  readonly #scope: Scope
  readonly #namespace: string

  constructor(order: Order, issuer: AnyIssuer, client: AcmeClient, scope: Scope) {
    this.#order = order
    this.#issuer = issuer
    this.#client = client
    this.#scope = scope
    this.#namespace = order.metadata.namespace ?? ''
    this.status = { ...order.status }
  }

  /** Milliseconds until the next look, if one is due. */
  async run(): Promise<number | undefined> {
    const { status } = this
    if (status.url === undefined) return this.#try('Failed to create Order', () => this.#create())
    if (status.authorizations?.some(({ identifier }) => identifier === undefined) === true) return this.#try('Failed to fetch authorization', () => this.#describe())
    if (status.state === 'valid' && status.certificate === undefined) return this.#try('Failed to retrieve signed certificate', async () => this.#download(await this.#client.order(status.url ?? '')))
    if (status.state === 'valid') return this.#dropChallenges(() => false)
    if (status.state === 'ready') return this.#try('Failed to finalize Order', () => this.#finalize())
    if (status.state === 'processing') return this.#try('Failed to retrieve Order resource', async () => this.#settled(await this.#client.order(status.url ?? '')))
    const wanted = this.#challenges()
    if (wanted === undefined) return undefined
    const known = this.#owned()
    for (const challenge of wanted) if (!known.some(({ metadata }) => metadata.name === challenge.metadata.name)) await this.#createChallenge(challenge)
    await this.#dropChallenges(({ metadata }) => wanted.some((challenge) => challenge.metadata.name === metadata.name))
    const states = wanted.map(({ metadata }) => known.find((challenge) => challenge.metadata.name === metadata.name)?.status?.state)
    if (!states.some(failed) && !states.every(final)) return undefined
    return this.#try('Failed to retrieve Order resource', async () => {
      const found = await this.#client.order(status.url ?? '')
      this.#take(found)
      return found.status === 'pending' ? AGAIN : undefined
    })
  }

  /** A refusal that no repetition helps ends the order; anything else is tried again. */
  async #try(what: string, step: () => Promise<number | void>): Promise<number | undefined> {
    try {
      return (await step()) ?? undefined
    } catch (error) {
      if (!(error instanceof AcmeProblem)) throw error
      if (!error.permanent) {
        if (error.retryAfter === undefined) throw error
        this.status.reason = `${what}: ${messageOf(error)}`
        return error.retryAfter * 1000
      }
      this.#set('errored')
      this.status.reason = `${what}: ${messageOf(error)}`
      return undefined
    }
  }

  #set(state: AcmeState): void {
    this.status.state = state
    if (failed(state)) this.status.failureTime = rfc3339(this.#scope.clock.now())
  }

  #take(order: AcmeOrder): void {
    if (order.url !== '') this.status.url = order.url
    this.status.finalizeURL = order.finalize
    this.status.authorizations ??= order.authorizations.map((url) => ({ url }))
    this.#set(order.status)
    if (order.status === 'invalid' && order.error?.detail !== undefined) this.status.reason = order.error.detail
  }

  async #create(): Promise<void> {
    const { dnsNames = [], ipAddresses = [], commonName = '', duration } = this.#order.spec
    const addresses = [...ipAddresses, ...(isIP(commonName) === 0 ? [] : [commonName])]
    const names = [...dnsNames, ...(isIP(commonName) === 0 && commonName.includes('.') ? [commonName] : [])]
    const sorted = (values: readonly string[]): string[] => [...new Set(values)].sort()
    const life = duration === undefined ? undefined : parseGoDuration(String(duration))
    const profile = (this.#order.spec as { profile?: string }).profile
    const order = await this.#client.newOrder(
      [...sorted(names).map((value) => ({ type: 'dns' as const, value })), ...sorted(addresses).map((value) => ({ type: 'ip' as const, value }))],
      { ...(life === undefined ? {} : { notAfter: rfc3339(this.#scope.clock.now() + life) }), ...(profile === undefined ? {} : { profile }) })
    delete this.status.authorizations
    this.#take(order)
  }

  async #describe(): Promise<void> {
    this.status.authorizations = await Promise.all((this.status.authorizations ?? []).map(async (known) => {
      if (known.identifier !== undefined) return known
      const { identifier, status, wildcard = false, challenges } = await this.#client.authorization(known.url)
      const initialState = status === 'valid' || status === 'pending' || status === 'expired' ? status : 'invalid'
      return { url: known.url, identifier: identifier.value, wildcard, initialState, challenges: challenges.map(({ url, type, token }) => ({ url, type, token })) }
    }))
  }

  /** The challenges that this order needs; undefined, with an event, when no solver fits. */
  #challenges(): Challenge[] | undefined {
    const made: Challenge[] = []
    for (const authorization of this.status.authorizations ?? []) {
      if (authorization.initialState === 'valid') continue
      const spec = this.#challengeSpec(authorization)
      if (spec === undefined) {
        this.#scope.event(this.#order, 'Warning', 'Solver', 'Failed to determine a valid solver configuration for the set of domains on the Order: no configured challenge solvers can be used for this challenge')
        return undefined
      }
      made.push({
        apiVersion: 'acme.cert-manager.io/v1', kind: 'Challenge',
        metadata: { name: computeName(this.#order.metadata.name ?? '', spec), namespace: this.#namespace, ownerReferences: [controllerReference(Order, this.#order)] },
        spec: { ...spec, key: keyAuthorization(spec.token, this.#client.key) },
      })
    }
    return made
  }

  #challengeSpec({ url, identifier = '', wildcard = false, challenges = [] }: AuthorizationStatus): Omit<Challenge['spec'], 'key'> | undefined {
    const picked = pickSolver((this.#issuer.spec.acme?.solvers ?? []) as readonly Solver[], { identifier: wildcard ? `*.${identifier}` : identifier, challenges, labels: this.#order.metadata.labels ?? {} })
    if (picked === undefined) return undefined
    return {
      type: 'HTTP-01', authorizationURL: url, url: picked.challenge.url, dnsName: identifier, token: picked.challenge.token,
      solver: overridden(picked.solver, this.#order.metadata.annotations ?? {}), wildcard, issuerRef: this.#order.spec.issuerRef,
    }
  }

  #owned(): Challenge[] {
    return [...this.#scope.cache(Challenge).list({ namespace: this.#namespace })].filter((challenge) => isControlledBy(challenge, this.#order))
  }

  async #createChallenge(challenge: Challenge): Promise<void> {
    try {
      await this.#scope.client.create(Challenge, challenge)
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return
      throw error
    }
    this.#scope.event(this.#order, 'Normal', 'Created', `Created Challenge resource "${challenge.metadata.name}" for domain "${challenge.spec.dnsName}"`)
  }

  async #dropChallenges(keep: (challenge: Challenge) => boolean): Promise<undefined> {
    for (const challenge of this.#owned()) {
      if (keep(challenge) || challenge.metadata.deletionTimestamp !== undefined) continue
      await this.#scope.client.delete(Challenge, challenge.metadata.name ?? '', { namespace: this.#namespace }).catch((error: unknown) => {
        if (!isApiError(error, 'NotFound')) throw error
      })
    }
    return undefined
  }

  async #finalize(): Promise<number | void> {
    const text = Buffer.from(String(this.#order.spec.request), 'base64')
    const csr = decodePem(text.toString('latin1'))[0]?.der ?? text
    const url = this.status.url ?? ''
    try {
      return await this.#settled(await this.#client.finalize(this.status.finalizeURL ?? '', csr, url))
    } catch (error) {
      if (!(error instanceof AcmeProblem) || error.status !== 403) throw error
      // It may have been finalised in a pass whose status was not written.
      const found = await this.#client.order(url)
      if (found.status !== 'valid' && found.status !== 'processing') throw error
      return this.#settled(found)
    }
  }

  /** Waits for an order that is being worked on, and takes what came of it. */
  async #settled(order: AcmeOrder): Promise<number | void> {
    const { clock, signal } = this.#scope
    let found = order
    for (const end = clock.now() + PATIENCE; found.status === 'processing' && clock.now() < end;) {
      await sleep(clock, Math.min(5, found.retryAfter ?? 0.5) * 1000, signal)
      found = await this.#client.order(this.status.url ?? '')
    }
    this.#take(found)
    if (found.status === 'processing') return AGAIN
    if (found.status === 'valid') await this.#download(found)
  }

  async #download(order: AcmeOrder): Promise<void> {
    this.#take(order)
    if (order.status !== 'valid' || order.certificate === undefined) return
    const preferred = this.#issuer.spec.acme?.preferredChain ?? ''
    const fits = (chain: string): boolean => parseCertificates(chain).at(-1)?.issuer.commonName === preferred
    const chain = await this.#client.certificate(order.certificate, preferred === '' ? undefined : fits)
    this.status.certificate = Buffer.from(chain).toString('base64')
    delete this.status.reason
    this.#scope.event(this.#order, 'Normal', 'Complete', 'Order completed successfully')
  }
}

/** Ingress settings of a solver under the annotations of the Certificate's request. */
function overridden(solver: Solver, annotations: Readonly<Record<string, string>>): Solver {
  const [name, className, ingressClassName] = [annotations[acmeNames.ingressName], annotations[acmeNames.ingressClass], annotations[acmeNames.ingressClassName]]
  if (solver.http01?.ingress === undefined || (name === undefined && className === undefined && ingressClassName === undefined)) return solver
  const { class: _class, ingressClassName: _className, name: _name, ...ingress } = solver.http01.ingress
  return { ...solver, http01: { ...solver.http01, ingress: { ...ingress, ...(name === undefined ? {} : { name }), ...(className === undefined ? {} : { class: className }), ...(ingressClassName === undefined ? {} : { ingressClassName }) } } }
}
