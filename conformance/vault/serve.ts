/** `node serve.ts server -config=FILE`: the stand-in's program on the machine's own files and ports, for suites that start a `vault` process. */
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { fetchOver, listen, listenRaw } from '@idp/http'
import { CodedError, jsonLog, systemClock, systemRandom } from '@idp/kit'
import type { Container, FetchOptions } from '@idp/sandbox'
import { vault } from '../../components/vault/programs/vault.ts'

const missing = (): never => { throw new CodedError({ code: 'NotHere', message: 'a process on the machine has no pod network' }) }

/** Node's own `fetch` cannot be told whom to trust. */
function trusting(url: string, options: FetchOptions = {}): Promise<Response> {
  const { ca, ...init } = options
  const { hostname, port } = new URL(url)
  return ca === undefined ? fetch(url, init) : fetchOver(() => connectTls({ host: hostname, port: Number(port), ca }), new Request(url, init))
}

/** A container that is the machine itself; listens on loopback only. */
export function machineContainer(args: readonly string[], signal: AbortSignal, level: 'info' | 'warn' = 'warn'): Container {
  return {
    args, command: [], env: {}, clock: systemClock, random: systemRandom, signal, log: jsonLog(systemClock, (line) => process.stderr.write(line), level), stdout: (line) => console.log(line),
    pod: { name: 'vault-0', namespace: 'vault-system', uid: '', ip: '127.0.0.1', node: 'machine', container: 'vault', image: 'docker.io/hashicorp/vault' },
    files: {
      read: (path) => readFile(resolve(path)), readText: (path) => readFile(resolve(path), 'utf8'), exists: (path) => stat(path).then(() => true, () => false), remove: (path) => rm(path),
      write: (path, content) => writeFile(path, content), append: (path, content) => appendFile(path, content, { mode: 0o600 }),
      list: async (path) => (await readdir(path, { withFileTypes: true })).map((entry) => ({ name: entry.name, directory: entry.isDirectory() })), watch: missing,
      async directory(path) {
        await mkdir(resolve(path), { recursive: true })
        await chmod(resolve(path), 0o700)
        return resolve(path)
      },
    },
    net: {
      ip: '127.0.0.1', listenRaw: (port, accept) => listenRaw({ port }, accept), connect: missing, resolve: missing, fetch: trusting,
      listen: (port, server, { tls } = {}) => listen({ port, server, ...(tls === undefined ? {} : { tls: { identity: tls.identity, ...(tls.clientCa === undefined ? {} : { clientCa: tls.clientCa }) } }) }),
    },
  }
}

if (import.meta.main) {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  process.exitCode = await vault.main(machineContainer(process.argv.slice(2), stop.signal))
}
