import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, Json } from '@idp/formats'
import { CodedError, messageOf, sleep, type Clock } from '@idp/kit'
import type { GatewayRequest, GatewayResponse } from '@idp/platform'
import { matchPattern } from '../../../components/kyverno/engine/match-pattern.ts'
import type { Expectation, PlatformTest } from './platform-test.ts'

export interface TestWorld {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Names without a dot stand below it: `argocd` is `argocd.idp.localhost`. */
  readonly domain: string
  fetch(request: GatewayRequest): Promise<GatewayResponse>
}

/** Milliseconds between two looks at something that is not yet as expected. */
const pause = 200
const fieldManager = 'idp-test'

/**
 * Applies what is given, waits for each expectation in turn, and removes what it applied. Throws CodedError `ExpectationFailed` with the last thing
 * that was seen. What is given may take as long as an expectation to be accepted (a kind or a webhook that is just starting).
 */
export async function runPlatformTest(test: PlatformTest, world: TestWorld): Promise<void> {
  try {
    for (const object of test.given) await until(test, world, `given ${named(object)}`, async () => void (await write(world.client, object, false)))
    for (const [at, expectation] of test.expect.entries()) await until(test, world, `expect[${at}]`, () => check(expectation, world))
  } finally {
    for (const object of test.given.toReversed()) await remove(world.client, object)
  }
}

async function until({ timeoutMs, where }: PlatformTest, { clock, signal }: TestWorld, what: string, attempt: () => Promise<void>): Promise<void> {
  const deadline = clock.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (clock.now() >= deadline || signal.aborted) throw new CodedError({ code: 'ExpectationFailed', message: `${what}: ${messageOf(error)}`, where, cause: error })
    }
    await sleep(clock, pause, signal)
  }
}

const named = ({ kind, metadata }: AnyObject): string => `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`

async function check(expectation: Expectation, world: TestWorld): Promise<void> {
  if (expectation.object !== undefined) return checkObject(expectation.object, expectation, world)
  if (expectation.http !== undefined) return checkHttp(expectation.http, expectation, world)
  if (expectation.accepted !== undefined) return holdAgainst(expectation.matches, await write(world.client, expectation.accepted, true), named(expectation.accepted))
  if (expectation.refused !== undefined) await checkRefusal(expectation.refused, expectation, world)
}

async function checkObject({ apiVersion, kind, namespace, name }: NonNullable<Expectation['object']>, { absent, matches }: Expectation, { client }: TestWorld): Promise<void> {
  const what = `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
  try {
    const found = await client.get(await client.kindOf(apiVersion, kind), name, { namespace })
    if (absent === true) throw new CodedError({ code: 'NotAsExpected', message: `${what} is there` })
    holdAgainst(matches, found, what)
  } catch (error) {
    if (absent === true && isApiError(error, 'NotFound')) return
    throw error
  }
}

function holdAgainst(pattern: Json | undefined, object: AnyObject, what: string): void {
  if (pattern === undefined) return
  const result = matchPattern(pattern, object as unknown as Json)
  if (result.type === 'fail') throw new CodedError({ code: 'NotAsExpected', message: `${what} differs at ${result.path}: ${result.message}` })
  if (result.type === 'skip') throw new CodedError({ code: 'NotAsExpected', message: `the pattern is not about ${what}: ${result.message}` })
}

async function checkRefusal(object: AnyObject, { message }: Expectation, { client }: TestWorld): Promise<void> {
  const said = await write(client, object, true).then(() => undefined, (error: unknown) => {
    // A refusal is the API server's word about the object; anything else says nothing of it.
    if (isApiError(error, 'Forbidden', 'Invalid', 'BadRequest')) return error.message
    throw error
  })
  if (said === undefined) throw new CodedError({ code: 'NotAsExpected', message: `${named(object)} was accepted` })
  if (message !== undefined && !new RegExp(message).test(said)) throw new CodedError({ code: 'NotAsExpected', message: `${named(object)} was refused with other words: ${said}` })
}

async function checkHttp({ host, path = '/', method, plain, headers, body }: NonNullable<Expectation['http']>, expected: Expectation, { domain, fetch, signal }: TestWorld): Promise<void> {
  const { response } = await fetch({ host: host.includes('.') ? host : `${host}.${domain}`, path, signal, ...(method === undefined ? {} : { method }), ...(plain === undefined ? {} : { plain }), ...(headers === undefined ? {} : { headers }), ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }) })
  const text = await response.text()
  const differs = (message: string): CodedError => new CodedError({ code: 'NotAsExpected', message: `${host}${path}: ${message}` })
  if (response.status !== (expected.status ?? 200)) throw differs(`status ${response.status} instead of ${expected.status ?? 200}: ${text.slice(0, 200)}`)
  if (expected.body !== undefined && !new RegExp(expected.body).test(text)) throw differs(`the body does not match ${expected.body}: ${text.slice(0, 200)}`)
  for (const [name, wanted] of Object.entries(expected.headers ?? {})) {
    const value = response.headers.get(name)
    if (value === null || !new RegExp(wanted).test(value)) throw differs(`header ${name} is ${value === null ? 'not there' : JSON.stringify(value)}, not ${wanted}`)
  }
}

async function write(client: Client, object: AnyObject, dryRun: boolean): Promise<AnyObject> {
  return client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager, force: true, dryRun })
}

async function remove(client: Client, object: AnyObject): Promise<void> {
  try {
    await client.delete(await client.kindOf(object.apiVersion, object.kind), object.metadata.name ?? '', { namespace: object.metadata.namespace, propagationPolicy: 'Background' })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}
