import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { silentLog } from '@idp/kit'
import type { Handler } from '@idp/http'
import type { Container } from '@idp/sandbox'

export interface RunningProgram extends AsyncDisposable {
  readonly api: TestApi
  /** What the program listens with, by port. */
  readonly ports: ReadonlyMap<number, Handler>
  apply(yaml: string): Promise<void>
  /** Lets time pass, 50 ms a step, until something holds. */
  until(holds: () => Promise<boolean> | boolean): Promise<void>
}

/** Starts one of Kyverno's programs against an API server that has the CRDs of the files named. */
export async function startProgram(program: (container: Container) => Promise<number>, crds: readonly string[], before = '', net: Partial<Container['net']> = {}): Promise<RunningProgram> {
  const api = await startTestApi()
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      const object = value as unknown as AnyObject
      if (object !== null) await api.client.apply(await api.client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  for (const file of crds) await apply(await readFile(new URL(`../chart/templates/crds/${file}.yaml`, import.meta.url), 'utf8'))
  await api.fake.advance(1000)
  await apply(before)
  const stop = new AbortController()
  const ports = new Map<number, Handler>()
  const listen = async (port: number, { handler }: { readonly handler: Handler }) => {
    ports.set(port, handler)
    return { [Symbol.asyncDispose]: async () => undefined }
  }
  const container = { client: api.client, clock: api.fake, log: silentLog, signal: stop.signal, pod: { name: 'program', namespace: 'kyverno-system' }, env: {}, args: [], net: { listen, ...net } } as unknown as Container
  const running = program(container)
  return {
    api, ports, apply,
    async until(holds) {
      for (let i = 0; i < 400; i++) {
        if (await holds()) return
        await api.fake.advance(50)
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.fail('it did not come about')
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await api[Symbol.asyncDispose]()
    },
  }
}
