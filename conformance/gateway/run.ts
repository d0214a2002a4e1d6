import { messageOf } from '@idp/kit'
import { createCa, issueCertificate, type KeyPair } from '@idp/pki'
import { attachmentsOf } from '../../components/cilium/engine/attachment.ts'
import { resolvedRefs } from '../../components/cilium/engine/backends.ts'
import { countRoutes, judgeListeners } from '../../components/cilium/engine/listener-status.ts'
import type { World } from '../../components/cilium/engine/world.ts'
import { routedWorld, type RoutedWorld } from '../../components/cilium/test/routed-world.ts'
import { memory, sockets, type Transport } from '../../components/cilium/test/transport.ts'
import { speak, type WireResponse } from '../../components/cilium/test/wire.ts'
import type { SuiteResult } from '../main.ts'
import { streamBackends, webBackend } from './backends.ts'
import type { Case } from './case.ts'
import { filterCases } from './cases-filters.ts'
import { matchingCases } from './cases-matching.ts'
import { protocolCases } from './cases-protocols.ts'
import { statusCases } from './cases-status.ts'
import { callGrpc, handshake, throughTls } from './clients.ts'
import { protocolFixtures } from './fixtures-protocols.ts'
import { fixtures as httpFixtures } from './fixtures.ts'

export const allCases: readonly Case[] = [...matchingCases, ...filterCases, ...statusCases, ...protocolCases]
const fixtures = { ...httpFixtures, ...protocolFixtures }

/** `npm run conformance -- gateway [text] [--sockets]`: the Gateway API's behaviour, each case under the name of upstream's test; `text` selects by that name. */
export async function run(words: readonly string[] = []): Promise<SuiteResult> {
  const args = words.filter((word) => word !== '--sockets')
  await using transport = words.length === args.length ? memory : await sockets()
  const pairs = await certificates()
  const selected = allCases.filter(({ upstream, fixture }) => args.length === 0 || args.some((text) => upstream.includes(text) || fixture === text))
  const failures: { name: string; reason: string }[] = []
  for (const one of selected) {
    const reason = await check(one, pairs, transport).catch((error: unknown) => messageOf(error))
    if (reason !== undefined) failures.push({ name: `${one.upstream} / ${one.what}`, reason })
  }
  return { suite: 'gateway', passed: selected.length - failures.length, total: selected.length, failures, tests: new Set(selected.map(({ upstream }) => upstream)).size }
}

interface Certificates { readonly server: KeyPair; readonly known: KeyPair; readonly stranger: KeyPair; /** Of the CAs that sign `known` and `stranger`, by the name of their ConfigMap. */ readonly bundles: Readonly<Record<string, string>> }

async function certificates(): Promise<Certificates> {
  const now = Date.now()
  const [ca, foreign] = await Promise.all([createCa({ subject: { commonName: 'conformance' }, now, days: 1 }), createCa({ subject: { commonName: 'strangers' }, now, days: 1 })])
  return {
    server: await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['*.secure.test', 'secure.org', 'granted.test'] }),
    known: await issueCertificate({ ca, for: 'client', now, days: 1, subject: { commonName: 'known' } }),
    stranger: await issueCertificate({ ca: foreign, for: 'client', now, days: 1, subject: { commonName: 'stranger' } }),
    bundles: { clients: ca.cert, strangers: foreign.cert },
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function manifests(fixture: string, { server, bundles }: Certificates): string {
  return (fixtures[fixture] ?? '')
    .replace(/CERT\((\w+), (\w+)\)/g, (_all, name: string, namespace: string) => `---\napiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ${namespace} }\ntype: kubernetes.io/tls\ndata: { tls.crt: ${base64(server.cert)}, tls.key: ${base64(server.key)} }\n`)
    .replace(/CA\((\w+), (\w+)\)/g, (_all, name: string, namespace: string) => `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\ndata: { ca.crt: ${JSON.stringify(bundles[name])} }\n`)
}

async function check(one: Case, pairs: Certificates, transport: Transport): Promise<string | undefined> {
  const copies: string[] = []
  const backends = new Map<string, ReturnType<typeof webBackend>>()
  using world = routedWorld(manifests(one.fixture, pairs), {
    transport,
    random: () => one.request?.random ?? 0.5,
    raw: streamBackends(pairs.server, one.request?.failing),
    backend(_address, service) {
      let known = backends.get(service)
      if (known === undefined) backends.set(service, (known = webBackend(service, one.request?.failing, copies)))
      return known
    },
  })
  return (one.request === undefined ? undefined : await checkTraffic(one, world, pairs, copies)) ?? checkConditions(one, world.world)
}

async function checkTraffic(one: Case, world: RoutedWorld, pairs: Certificates, copies: readonly string[]): Promise<string | undefined> {
  const { expect } = one
  let answer: WireResponse | undefined
  try {
    answer = await ask(one.request ?? {}, world, pairs)
  } catch (error) {
    return expect.refused === true ? undefined : `the connection failed: ${messageOf(error)}`
  }
  if (expect.refused === true) return answer === undefined || answer.body === '' && answer.status === 0 ? undefined : `it was answered with ${answer.status}`
  if (answer === undefined) return 'there was no answer'
  return differences(expect, answer) ?? await checkCopies(expect, copies)
}

async function ask(request: NonNullable<Case['request']>, world: RoutedWorld, pairs: Certificates): Promise<WireResponse | undefined> {
  const { port = 80, host = 'example.test', path = '/', method = 'GET', headers = {}, body, tls, grpc, bytes, certificate, failing, gateway } = request
  const raw = world.connect(port, gateway)
  if (grpc === true) return callGrpc(raw, host, path, headers)
  const connection = tls === undefined ? raw : await handshake(raw, tls === true ? host : tls, certificate === undefined ? undefined : pairs[certificate])
  if (bytes !== undefined) return throughTls(connection as Awaited<ReturnType<typeof handshake>>, bytes)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const spoken = speak(connection, `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}${body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`}\r\n${body ?? ''}`, 1, method)
  if (failing !== undefined) await passTime(world, spoken)
  return (await spoken)[0]
}

/** Lets the gateway's clock run until there is an answer: it waits before it tries again. */
async function passTime({ clock }: RoutedWorld, answered: Promise<unknown>): Promise<void> {
  let over = false
  answered.finally(() => { over = true }).catch(() => {}) // who waits for the answer sees the failure
  for (let turn = 0; turn < 500 && !over; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (turn % 10 === 9) await clock.advance(25)
  }
}

function differences(expect: Case['expect'], answer: WireResponse): string | undefined {
  const seen = answer.headers['content-type']?.includes('json') === true || answer.body.startsWith('{') ? JSON.parse(answer.body) as { service: string; path: string; host: string; headers: Record<string, string> } : undefined
  const rows: (readonly [string, unknown, unknown])[] = []
  if (expect.status !== undefined) rows.push(['status', expect.status, answer.status])
  if (expect.body !== undefined) rows.push(['body', expect.body, answer.body])
  if (expect.service !== undefined) rows.push(['service', expect.service, seen?.service ?? `status ${answer.status}`])
  if (expect.path !== undefined) rows.push(['path', expect.path, seen?.path])
  if (expect.host !== undefined) rows.push(['host', expect.host, seen?.host])
  if (expect.location !== undefined) rows.push(['location', expect.location, answer.headers['location']])
  for (const [name, value] of Object.entries(expect.received ?? {})) rows.push([`received ${name}`, value, seen?.headers[name]])
  for (const [name, value] of Object.entries(expect.headers ?? {})) rows.push([`header ${name}`, value, answer.headers[name]])
  const wrong = rows.find(([, want, got]) => want !== got)
  return wrong === undefined ? undefined : `${wrong[0]}: wanted ${JSON.stringify(wrong[1])}, got ${JSON.stringify(wrong[2])}`
}

async function checkCopies({ mirrors }: Case['expect'], copies: readonly string[]): Promise<string | undefined> {
  if (mirrors === undefined) return undefined
  for (let turn = 0; turn < 2000 && copies.length < mirrors.length; turn++) await new Promise((resolve) => setImmediate(resolve))
  return [...copies].sort().join() === [...mirrors].sort().join() ? undefined : `copies: wanted ${mirrors.join() || 'none'}, got ${copies.join() || 'none'}`
}

function checkConditions({ expect }: Case, world: World): string | undefined {
  const gateway = world.gateway('infra', 'gw')
  for (const [what, wanted] of Object.entries(expect.conditions ?? {})) {
    const [kind, name] = what.split('/')
    const verdicts = kind === 'listener'
      ? (gateway === undefined ? [] : judgeListeners(gateway, world)).filter(({ listener }) => listener.name === name).flatMap((judged) => judged.verdicts)
      : [...world.routes()].filter((route) => route.kind === kind && route.metadata.name === name).flatMap((route) => attachmentsOf(route, world).flatMap(({ accepted }) => [accepted, resolvedRefs(route, world)]))
    const got = verdicts.map(({ type, status, reason }) => `${type}=${status} ${reason}`)
    if (got.join() !== wanted.join()) return `${what}: wanted ${wanted.join(', ') || 'none'}, got ${got.join(', ') || 'none'}`
  }
  for (const [name, wanted] of Object.entries(expect.attached ?? {})) {
    const got = gateway === undefined ? undefined : countRoutes(gateway, world).get(name) ?? 0
    if (got !== wanted) return `routes on ${name}: wanted ${wanted}, got ${got}`
  }
  return undefined
}
