import { Waiting, type Controller, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { messageOf, sleep } from '@idp/kit'
import { AcmeProblem, type AcmeAuthorization, type AcmeClient } from '../engine/acme/client.ts'
import { challengePath } from '../engine/acme/solver-objects.ts'
import { acmeNames, Challenge, final, type ChallengeStatus } from '../kinds/acme.ts'
import { ClusterIssuer, Issuer } from '../kinds/cert-manager.ts'
import type { AcmeClients } from './acme-account.ts'
import { cleanUp, present } from './http01.ts'
import { findIssuer, type World } from './world.ts'

/** How many challenges are worked on at once. */
const MOST = 60
/** How often the way to the solver is tried: often while it is new, as pods and routes come up, then as upstream does. */
const [SOON, LATER, NEW] = [500, 10_000, 60_000]
const PATIENCE = 20_000
const LONGEST_ANSWER = 1_048_576

/** Answers Challenges: solver objects, a look whether they can be reached, and word to the server. */
export function challengeController(clients: AcmeClients, world: World): Controller<Challenge> {
  return {
    name: 'cert-manager-challenges', for: Challenge, reads: [Issuer, ClusterIssuer], concurrency: 8, finalizer: acmeNames.finalizer,
    async finalize(challenge, scope) {
      await cleanUp(challenge, scope, world)
      return { done: true }
    },
    // A reason alone is written for people: taking it as news would undo the wait that it explains.
    concerns: (before, after) => before === undefined || !deepEqual({ ...before.status, reason: '' }, { ...after.status, reason: '' }) || before.metadata.generation !== after.metadata.generation || before.metadata.deletionTimestamp !== after.metadata.deletionTimestamp,
    async reconcile(challenge, scope) {
      const status: ChallengeStatus = { ...challenge.status }
      if (final(status.state)) {
        if (status.presented === true || status.processing === true) await cleanUp(challenge, scope, world)
        return { status: { ...status, presented: false, processing: false } }
      }
      if (status.processing !== true) return schedule(challenge, status, scope)
      const issuer = findIssuer(challenge.spec.issuerRef, challenge.metadata.namespace ?? '', scope)
      const client = issuer === undefined ? undefined : clients.of(issuer, scope)
      if (client === undefined) throw new Waiting(`the account of issuer "${challenge.spec.issuerRef.name}" is not registered`, 5_000)
      try {
        const requeueAfter = await advance(challenge, status, { client, scope, world })
        return { status, ...(requeueAfter === undefined ? {} : { requeueAfter }) }
      } catch (error) {
        if (!(error instanceof AcmeProblem)) return { status: { ...status, reason: messageOf(error) }, failed: error }
        if (!error.permanent) return error.retryAfter === undefined ? { status, failed: error } : { status: { ...status, reason: messageOf(error) }, requeueAfter: error.retryAfter * 1000 }
        // What the server no longer knows is asked for again with a new order.
        if (error.type.endsWith(':malformed')) return { status: { ...status, state: 'expired', reason: error.detail } }
        return { status: { ...status, state: 'errored', reason: `Failed to retrieve Order resource: ${messageOf(error)}` } }
      }
    },
  }
}

/** Lets a challenge begin unless there are many, or one for the same domain is under way. */
function schedule(challenge: Challenge, status: ChallengeStatus, scope: Scope) {
  const active = scope.cache(Challenge).list().filter((other) => other.status?.processing === true && !final(other.status.state))
  if (active.length >= MOST || active.some(({ spec }) => spec.dnsName === challenge.spec.dnsName && spec.type === challenge.spec.type)) return { requeueAfter: 1000 }
  scope.event(challenge, 'Normal', 'Started', 'Challenge scheduled for processing')
  return { status: { ...status, processing: true } }
}

interface Means { readonly client: AcmeClient; readonly scope: Scope; readonly world: World }

/** One step on; milliseconds until the next look, if one is due. */
async function advance(challenge: Challenge, status: ChallengeStatus, { client, scope, world }: Means): Promise<number | undefined> {
  const { spec } = challenge
  take(challenge, status, await client.authorization(spec.authorizationURL), scope)
  if (final(status.state)) return undefined
  if (status.state !== 'processing') {
    try {
      await present(challenge, scope, world)
    } catch (error) {
      scope.event(challenge, 'Warning', 'PresentError', `Error presenting challenge: ${messageOf(error)}`)
      throw error
    }
    if (status.presented !== true) {
      status.presented = true
      scope.event(challenge, 'Normal', 'Presented', `Presented challenge using ${spec.type} challenge mechanism`)
    }
    const problem = await unreachable(challenge, world)
    if (problem !== undefined) {
      status.reason = `Waiting for ${spec.type} challenge propagation: ${problem}`
      return scope.clock.now() - Date.parse(String(challenge.metadata.creationTimestamp)) < NEW ? SOON : LATER
    }
    await client.accept(spec.url)
  }
  for (const end = scope.clock.now() + PATIENCE; ;) {
    const authorization = await client.authorization(spec.authorizationURL)
    take(challenge, status, authorization, scope)
    if (final(status.state)) return undefined
    if (scope.clock.now() >= end) return LATER
    await sleep(scope.clock, Math.min(5, authorization.retryAfter ?? 0.25) * 1000, scope.signal)
  }
}

/** What the server thinks of a challenge. An authorization that has been given makes up for the challenge itself. */
function take(challenge: Challenge, status: ChallengeStatus, authorization: AcmeAuthorization, scope: Scope): void {
  const found = authorization.challenges.find(({ url }) => url === challenge.spec.url)
  if (found === undefined) throw new AcmeProblem(404, 'urn:ietf:params:acme:error:malformed', 'challenge was not present in authorization')
  const { dnsName, type } = challenge.spec
  if (authorization.status === 'valid') {
    Object.assign(status, { state: 'valid', reason: 'Successfully authorized domain' })
    scope.event(challenge, 'Normal', 'DomainVerified', `Domain "${dnsName}" verified with "${type}" validation`)
  } else if (authorization.status === 'invalid' || found.status === 'invalid') {
    const why = `acme: authorization error for ${dnsName}: ${found.error?.type ?? ''}: ${found.error?.detail ?? 'no reason given'}`
    Object.assign(status, { state: 'invalid', reason: `Error accepting authorization: ${why}` })
    scope.event(challenge, 'Warning', 'Failed', `Accepting challenge authorization failed: ${why}`)
  } else if (authorization.status === 'expired' || authorization.status === 'deactivated' || authorization.status === 'revoked') {
    Object.assign(status, { state: 'expired', reason: `the authorization is ${authorization.status}` })
  } else status.state = found.status
}

/** Why the solver does not answer at its domain; undefined when it does. */
async function unreachable({ spec }: Challenge, { fetch }: World): Promise<string | undefined> {
  const url = `http://${spec.dnsName.includes(':') ? `[${spec.dnsName}]` : spec.dnsName}${challengePath(spec.token)}`
  try {
    const response = await fetch(url, { insecure: true, redirect: 'follow', signal: AbortSignal.timeout(10_000) })
    if (response.status !== 200) {
      await response.body?.cancel()
      return `wrong status code '${response.status}', expected '200'`
    }
    const text = (await response.text()).slice(0, LONGEST_ANSWER).trim()
    return text === spec.key ? undefined : `did not get expected response when querying endpoint, expected "${spec.key}" but got: ${text.slice(0, 1024)}`
  } catch (error) {
    return `failed to perform self check GET request '${url}': ${messageOf(error)}`
  }
}
