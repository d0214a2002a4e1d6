import type { Pod } from '@idp/api'
import type { Fabric, Net } from '@idp/sandbox'
import { isCoded, messageOf, type Clock } from '@idp/kit'
import { execIn, type ContainerInstance } from './container-instance.ts'
import { portNumber, type ContainerSpec, type LifecycleHandler, type ProbeSpec } from './pod-spec.ts'

export interface ProbeResult { readonly ok: boolean; readonly message: string }

/** What a probe or a lifecycle hook acts on. */
export interface ProbeTarget {
  readonly pod: Pod
  readonly container: ContainerSpec
  readonly instance: ContainerInstance
  readonly podIp: string
  /** The node's view of the network. */
  readonly net: Net
  readonly fabric: Fabric
  readonly clock: Clock
}

type Action = ProbeSpec | LifecycleHandler

const longestBody = 10 * 1024

/** Runs one probe; fails when it takes longer than `timeoutMs`. Never rejects. */
export async function runProbe(target: ProbeTarget, action: Action, timeoutMs: number): Promise<ProbeResult> {
  const giveUp = new AbortController()
  const late = Promise.withResolvers<ProbeResult>()
  using _timer = target.clock.timer(timeoutMs, () => {
    late.resolve({ ok: false, message: timeoutMessage(target, action, timeoutMs) })
    giveUp.abort()
  })
  const probing = attempt(target, action, giveUp.signal).catch((error: unknown): ProbeResult => ({ ok: false, message: messageOf(error) }))
  return Promise.race([probing, late.promise])
}

async function attempt(target: ProbeTarget, action: Action, signal: AbortSignal): Promise<ProbeResult> {
  if (action.httpGet !== undefined) return httpGet(target, action.httpGet, signal)
  if (action.tcpSocket !== undefined) return tcpSocket(target, action.tcpSocket)
  if (action.exec !== undefined) return exec(target, action.exec.command ?? [])
  if ('grpc' in action && action.grpc !== undefined) return grpc(target, action.grpc, signal)
  return { ok: true, message: '' }
}

async function httpGet(target: ProbeTarget, get: NonNullable<ProbeSpec['httpGet']>, signal: AbortSignal): Promise<ProbeResult> {
  const url = probeUrl(target, get)
  const headers = new Headers({ 'user-agent': 'kube-probe/1.35', accept: '*/*' })
  for (const { name, value } of get.httpHeaders ?? []) headers.set(name, value)
  try {
    const response = await target.net.fetch(url, { headers, signal, insecure: true, redirect: 'follow' })
    if (response.status >= 200 && response.status < 400) {
      await response.body?.cancel()
      return { ok: true, message: '' }
    }
    await response.body?.cancel()
    return { ok: false, message: `HTTP probe failed with statuscode: ${response.status}` }
  } catch (error) {
    if (isCoded(error, 'ConnectionRefused', 'ConnectionTimedOut')) return { ok: false, message: `Get "${url}": dial tcp ${target.podIp}:${new URL(url).port || 80}: connect: connection refused` }
    return { ok: false, message: `Get "${url}": ${messageOf(error)}` }
  }
}

function probeUrl(target: ProbeTarget, get: NonNullable<ProbeSpec['httpGet']>): string {
  const port = portNumber(get.port, target.container) ?? 80
  const path = get.path === undefined || get.path === '' ? '/' : get.path.startsWith('/') ? get.path : `/${get.path}`
  const host = get.host ?? target.podIp
  return `${(get.scheme ?? 'HTTP').toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
}

function tcpSocket(target: ProbeTarget, socket: NonNullable<ProbeSpec['tcpSocket']>): ProbeResult {
  const port = portNumber(socket.port, target.container) ?? 0
  const ip = socket.host ?? target.podIp
  return target.fabric.listening({ ip, port }) ? { ok: true, message: '' } : { ok: false, message: `dial tcp ${ip}:${port}: connect: connection refused` }
}

async function exec(target: ProbeTarget, command: readonly string[]): Promise<ProbeResult> {
  const { instance } = target
  // A stand-in without a shell cannot answer what upstream's script asks; that it runs is all there is to know.
  if (instance.program.exec === undefined) return { ok: true, message: '' }
  const decoder = new TextDecoder()
  let output = ''
  const collect = (chunk: Uint8Array | string) => {
    if (output.length < longestBody) output += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  }
  const code = await execIn(instance, command, { stdin: (async function* () {})(), stdout: collect, stderr: collect, tty: false })
  return { ok: code === 0, message: code === 0 ? '' : output }
}

async function grpc(target: ProbeTarget, { port, service = '' }: NonNullable<ProbeSpec['grpc']>, signal: AbortSignal): Promise<ProbeResult> {
  const name = new TextEncoder().encode(service ?? '')
  const message = name.length === 0 ? new Uint8Array() : Uint8Array.of(0x0a, name.length, ...name)
  const frame = Uint8Array.of(0, 0, 0, 0, message.length, ...message)
  const url = `http://${target.podIp}:${port}/grpc.health.v1.Health/Check`
  const response = await target.net.fetch(url, { method: 'POST', headers: { 'content-type': 'application/grpc', te: 'trailers' }, body: frame, signal })
  const answer = new Uint8Array(await response.arrayBuffer())
  const serving = answer.length >= 7 && answer[5] === 8 && answer[6] === 1
  return serving ? { ok: true, message: '' } : { ok: false, message: `service unhealthy (responded with "${answer.length >= 7 ? 'NOT_SERVING' : 'UNKNOWN'}")` }
}

function timeoutMessage(target: ProbeTarget, action: Action, timeoutMs: number): string {
  if (action.httpGet !== undefined) return `Get "${probeUrl(target, action.httpGet)}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`
  if (action.exec !== undefined) return `command timed out: ${JSON.stringify((action.exec.command ?? []).join(' '))} timed out after ${timeoutMs / 1_000}s`
  return `timeout: failed to connect within ${timeoutMs / 1_000}s`
}
