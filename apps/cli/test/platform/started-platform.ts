import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient, networkTransport, readKubeconfig, type Client } from '@idp/client'
import { platformGateway, type GatewayAddress } from '@idp/platform'
import { temporaryDirectory } from '@idp/testkit'
import { freePort, idp, type Said } from '../idp-process.ts'

/** A whole platform that `idp up` started, as a person starts it, and that this process destroys. */
export interface StartedPlatform extends AsyncDisposable {
  readonly name: string
  /** Where idp keeps all its clusters: `--data-dir`. Nothing else is in it. */
  readonly dataDir: string
  /** A folder for what a person keeps: clones, profiles. */
  readonly home: string
  readonly ports: { readonly https: number; readonly http: number }
  readonly client: Client
  readonly gateway: GatewayAddress
  /** The CA of the gateway, as a PEM file. */
  readonly caFile: string
  /** What `idp up` said, and how long it took, in seconds. */
  readonly up: Said & { readonly seconds: number }
  /** Runs a command of idp on this platform. */
  idp(...args: readonly string[]): Promise<Said>
}

export async function startPlatform(name: string): Promise<StartedPlatform> {
  await using stack = new AsyncDisposableStack()
  const dataDir = stack.use(await temporaryDirectory()).path
  const home = stack.use(await temporaryDirectory()).path
  const ports = { https: await freePort(), http: await freePort() }
  const here = ['--name', name, '--data-dir', dataDir]
  stack.defer(async () => void await idp(['destroy', '--yes', ...here]))
  const began = performance.now()
  const said = await idp(['up', ...here, '--https-port', String(ports.https), '--http-port', String(ports.http), '--output', 'json', '--timeout', '180'])
  assert.equal(said.code, 0, said.out + said.err)
  const { client, gateway } = await access(join(dataDir, name, 'engine', 'kubeconfig'), ports).catch(async (error: unknown) => {
    const log = await readFile(join(dataDir, name, 'engine.log'), 'utf8').catch(String)
    throw new Error(`the platform cannot be reached although 'idp up' ended well: ${String(error)}\n${log.split('\n').slice(-20).join('\n')}`, { cause: error })
  })
  const caFile = join(home, 'ca.crt')
  await writeFile(caFile, gateway.ca)
  const owned = stack.move()
  return {
    name, dataDir, home, ports, client, gateway, caFile, up: { ...said, seconds: (performance.now() - began) / 1000 },
    idp: (...args) => idp([...args, ...here]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function access(kubeconfig: string, ports: StartedPlatform['ports']): Promise<{ client: Client; gateway: GatewayAddress }> {
  const client = createClient({ transport: networkTransport(readKubeconfig(await readFile(kubeconfig, 'utf8'), kubeconfig).network) })
  return { client, gateway: await platformGateway(client, 'idp-demo', ports) }
}
