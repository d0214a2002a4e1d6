import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Namespace } from '@idp/api'
import type { Client } from '@idp/client'
import type { Cluster } from '@idp/host'
import { parseYamlDocuments, type AnyObject, type JsonObject } from '@idp/formats'
import { memoryFiles, type Clock } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import type { Component } from '@idp/sandbox'
import { startTestCluster } from '@idp/testkit'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Applies documents; definitions first, so that what is of their kinds finds them. */
export async function apply(client: Client, objects: readonly AnyObject[]): Promise<void> {
  const first = (object: AnyObject): number => ['Namespace', 'CustomResourceDefinition'].indexOf(object.kind) + 1 || 9
  for (const object of [...objects].sort((a, b) => first(a) - first(b))) await client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
}

export const objectsIn = (yaml: string): AnyObject[] => parseYamlDocuments(yaml).flatMap(({ value }) => (value === null ? [] : [value as unknown as AnyObject]))
export const blueprintObjects = async (path: string): Promise<AnyObject[]> => objectsIn(await readFile(join(root, 'blueprint', path), 'utf8'))

/** Installs a component's stand-in chart. */
export async function install(client: Client, component: string, namespace: string, values: JsonObject = {}, chart = 'chart'): Promise<void> {
  const folder = join(root, 'components', component, chart)
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(folder.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  }
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: component, namespace, values: [values] })
  await apply(client, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...documents.map(({ object }) => object as AnyObject)].filter((object) => object.kind !== 'Namespace' || object.metadata.name !== 'kube-system'))
}

export async function namespace(client: Client, name: string): Promise<void> {
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
}

/** A cluster whose time is the test's. */
export interface SteppedCluster extends AsyncDisposable {
  readonly cluster: Cluster
  readonly clock: Clock
  /** Lets time go on, in steps of 100 ms, until `check` gives a value. @throws Error after `seconds` of the cluster's time */
  until<T>(what: string, check: () => Promise<T | undefined> | T | undefined, seconds?: number): Promise<T>
  /** Lets so much time go by. */
  pass(ms: number): Promise<void>
  /** Lets hours go by as on a machine that slept: what was due in between happens once, when it wakes up. */
  sleepOver(ms: number): Promise<void>
}

interface SteppedClock extends Clock { advance(ms: number): Promise<void>; leap(ms: number): Promise<void> }

/** A clock as the fake one, and one that can leap: a day of heartbeats of a whole cluster takes minutes otherwise. */
function steppedClock(start: number): SteppedClock {
  interface Timer { due: number; readonly order: number; readonly run: () => void }
  let [now, order] = [start, 0]
  const timers = new Set<Timer>()
  const dueBy = (until: number): Timer[] => [...timers].filter(({ due }) => due <= until).sort((a, b) => a.due - b.due || a.order - b.order)
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  const fire = async (timer: Timer): Promise<void> => {
    if (!timers.delete(timer)) return
    timer.run()
    await settle()
  }
  return {
    now: () => now,
    timer(ms, run) {
      const timer = { due: now + Math.max(ms, 0), order: order++, run }
      timers.add(timer)
      return { [Symbol.dispose]: () => void timers.delete(timer) }
    },
    async advance(ms) {
      const until = now + ms
      await settle()
      for (let [timer] = dueBy(until); timer !== undefined; [timer] = dueBy(until)) {
        now = Math.max(now, timer.due)
        await fire(timer)
      }
      now = until
    },
    async leap(ms) {
      now += ms
      for (const timer of dueBy(now)) await fire(timer)
    },
  }
}

/** @param options.start milliseconds since the epoch at which its time begins: TLS is checked by OpenSSL, which looks at the machine's clock */
export async function startStepped(options: { readonly start?: number; readonly components: readonly string[]; readonly extra?: readonly Component[]; readonly hostPorts?: readonly { port: number; nodePort: number }[] }): Promise<SteppedCluster> {
  const clock = steppedClock(options.start ?? Date.UTC(2026, 0, 1))
  const state: { cluster?: Cluster; error?: unknown } = {}
  const { start: _start, ...rest } = options
  const starting = startTestCluster({ ...rest, clock }).then((cluster) => (state.cluster = cluster), (error: unknown) => (state.error = error))
  while (state.cluster === undefined && state.error === undefined) await clock.advance(100)
  await starting
  if (state.cluster === undefined) throw state.error
  const { cluster } = state
  return {
    cluster, clock,
    async until(what, check, seconds = 300) {
      for (const end = clock.now() + seconds * 1000; clock.now() < end;) {
        const value = await check()
        if (value !== undefined && value !== false) return value
        await clock.advance(100)
      }
      throw new Error(`${what}: not within ${seconds} s of the cluster's time`)
    },
    async pass(ms) {
      for (const end = clock.now() + ms; clock.now() < end;) await clock.advance(Math.min(100, end - clock.now()))
    },
    sleepOver: (ms) => clock.leap(ms),
    async [Symbol.asyncDispose]() {
      let stopped = false
      const stopping = Promise.resolve(cluster[Symbol.asyncDispose]()).finally(() => (stopped = true))
      while (!stopped) await clock.advance(100)
      await stopping
    },
  }
}
