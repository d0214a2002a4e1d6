import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import { messageOf } from '@idp/kit'
import { createCa, issueCertificate, type KeyPair } from '@idp/pki'
import { attachmentsOf } from '../../components/cilium/engine/attachment.ts'
import { resolvedRefs } from '../../components/cilium/engine/backends.ts'
import { judgeListeners } from '../../components/cilium/engine/listener-status.ts'
import type { World } from '../../components/cilium/engine/world.ts'
import { echo, routedWorld, type RoutedWorld } from '../../components/cilium/test/routed-world.ts'
import { memory, sockets, type Transport } from '../../components/cilium/test/transport.ts'
import { speak, type WireResponse } from '../../components/cilium/test/wire.ts'
import type { SuiteResult } from '../main.ts'
import type { Case } from './case.ts'
import { filterCases } from './cases-filters.ts'
import { matchingCases } from './cases-matching.ts'
import { statusCases } from './cases-status.ts'
import { fixtures } from './fixtures.ts'

export const allCases: readonly Case[] = [...matchingCases, ...filterCases, ...statusCases]

/** `npm run conformance -- gateway [text] [--sockets]`: the Gateway API's behaviour, each case under the name of upstream's test; `text` selects by that name. */
export async function run(words: readonly string[] = []): Promise<SuiteResult> {
  const args = words.filter((word) => word !== '--sockets')
  await using transport = words.length === args.length ? memory : await sockets()
  const pair = await certificate()
  const selected = allCases.filter(({ upstream, fixture }) => args.length === 0 || args.some((text) => upstream.includes(text) || fixture === text))
  const failures: { name: string; reason: string }[] = []
  for (const one of selected) {
    const reason = await check(one, pair, transport).catch((error: unknown) => messageOf(error))
    if (reason !== undefined) failures.push({ name: `${one.upstream} / ${one.what}`, reason })
  }
  return { suite: 'gateway', passed: selected.length - failures.length, total: selected.length, failures, tests: new Set(selected.map(({ upstream }) => upstream)).size }
}

async function certificate(): Promise<KeyPair & { readonly ca: string }> {
  const now = Date.now()
  const ca = await createCa({ subject: { commonName: 'conformance' }, now, days: 1 })
  return { ...await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['*.secure.test', 'secure.org', 'granted.test'] }), ca: ca.cert }
}

async function check(one: Case, pair: KeyPair, transport: Transport): Promise<string | undefined> {
  const copies: string[] = []
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const yaml = (fixtures[one.fixture] ?? '').replace(/CERT\((\w+), (\w+)\)/g, (_all, name: string, namespace: string) => `---\napiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ${namespace} }\ntype: kubernetes.io/tls\ndata: { tls.crt: ${base64(pair.cert)}, tls.key: ${base64(pair.key)} }\n`)
  using world = routedWorld(yaml, {
    transport,
    random: () => one.request?.random ?? 0.5,
    backend: (_address, service) => {
      const server = echo(service)
      return { handler: (request, peer) => {
        if (request.headers.get('host')?.includes('-shadow') === true) copies.push(service)
        return server.handler(request, peer)
      } }
    },
  })
  return (one.request === undefined ? undefined : await checkTraffic(one, world, copies)) ?? checkConditions(one, world.world)
}

async function checkTraffic({ request = {}, expect }: Case, world: RoutedWorld, copies: readonly string[]): Promise<string | undefined> {
  const { port = 80, host = 'example.test', path = '/', method = 'GET', headers = {}, body, tls } = request
  let answer: WireResponse | undefined
  try {
    const raw = world.connect(port)
    const connection = tls === undefined ? raw : await handshake(raw, tls === true ? host : tls)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
    ;[answer] = await speak(connection, `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}${body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`}\r\n${body ?? ''}`, 1, method)
  } catch (error) {
    return expect.refused === true ? undefined : `the connection failed: ${messageOf(error)}`
  }
  if (expect.refused === true) return answer === undefined ? undefined : `it was answered with ${answer.status}`
  if (answer === undefined) return 'there was no answer'
  return differences(expect, answer) ?? await checkCopies(expect, copies)
}

function differences(expect: Case['expect'], answer: WireResponse): string | undefined {
  const seen = answer.headers['content-type']?.includes('json') === true || answer.body.startsWith('{') ? JSON.parse(answer.body) as { service: string; path: string; host: string; headers: Record<string, string> } : undefined
  const rows: (readonly [string, unknown, unknown])[] = []
  if (expect.status !== undefined) rows.push(['status', expect.status, answer.status])
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

async function handshake(raw: Duplex, servername: string): Promise<Duplex> {
  const socket = tlsConnect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...(servername === '' ? {} : { servername }) })
  const closed = once(raw, 'close').then(() => { throw new Error('the handshake was refused') })
  closed.catch(() => {})
  await Promise.race([once(socket, 'secureConnect'), closed])
  return socket
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
    const got = gateway === undefined ? undefined : judgeListeners(gateway, world).find(({ listener }) => listener.name === name)?.attachedRoutes
    if (got !== wanted) return `routes on ${name}: wanted ${wanted}, got ${got}`
  }
  return undefined
}
