import { fileURLToPath } from 'node:url'
import type { Client } from '@idp/client'
import { silentLog, systemClock, systemRandom } from '@idp/kit'
import { loadDiagrams } from '@idp/platform'
import { startConsole, type Console } from '../index.ts'

/** A console over a cluster of a test, with its address and a way to ask it as a browser with a session does. */
export interface ServedConsole extends AsyncDisposable { readonly console: Console; readonly origin: string; signIn(): Promise<(path: string, init?: RequestInit) => Promise<Response>> }

export async function serveConsole(client: Client): Promise<ServedConsole> {
  const stop = new AbortController()
  const console = await startConsole({
    client, clock: systemClock, random: systemRandom, log: silentLog, signal: stop.signal, port: 0, cluster: { name: 'test', engine: 'embedded' },
    diagrams: await loadDiagrams(fileURLToPath(new URL('../../platform/diagrams', import.meta.url))),
  })
  const origin = `http://127.0.0.1:${console.port}`
  return {
    console, origin,
    async signIn() {
      const token = new URL(console.link()).hash.slice(1)
      const { session } = (await (await fetch(`${origin}/api/session`, { method: 'POST', body: JSON.stringify({ token }) })).json()) as { session: string }
      return (path, init = {}) => fetch(`${origin}/api/${path}`, { ...init, headers: { ...init.headers, authorization: `Bearer ${session}` } })
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the test ends'))
      await console[Symbol.asyncDispose]()
    },
  }
}
