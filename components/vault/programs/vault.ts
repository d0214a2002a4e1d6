import { join } from 'node:path'
import { TokenReview } from '@idp/api'
import { CodedError, pooledRandom, type Clock } from '@idp/kit'
import type { TlsOptions } from '@idp/http'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { memoryStore, openStore, type Store } from '@idp/store'
import { vaultCli } from '../cli/vault-cli.ts'
import { reviewResult } from '../engine/auth/kubernetes/review-at.ts'
import type { Surroundings } from '../engine/core/active.ts'
import { createVault } from '../engine/core/vault.ts'
import { eventSubscriptions } from '../server/event-subscription.ts'
import { listenWithList } from '../server/listen.ts'
import { lifeRoutes } from '../server/life-routes.ts'
import { readVaultConfig, type ListenerConfig, type VaultConfig } from '../server/vault-config.ts'
import { page } from '../server/ui/page.ts'
import { vaultHandler } from '../server/vault-handler.ts'
import { keepUnsealed } from './keep-unsealed.ts'
import { directoryKeyFile } from './key-file.ts'

const compactEvery = 300_000

/** `vault server -config=…`: the API on the configured listeners until the container ends. */
export const vault: Program = {
  images: ['docker.io/hashicorp/vault', 'hashicorp/vault'],
  main,
  exec: vaultCli,
}

async function main(container: Container): Promise<number> {
  const { args, command, clock, log, net, signal } = container
  const random = pooledRandom(container.random)
  const words = [...command.slice(1), ...args]
  if (words[0] !== 'server') throw new CodedError({ code: 'UnknownCommand', message: `this program runs "vault server", not ${JSON.stringify(words[0] ?? '')}`, where: container.pod.name })
  const config = await loadConfig(container, words)
  if (config.ignored.length > 0) log.warn('settings that have no meaning here are ignored', { settings: config.ignored })
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await storeOf(container, config))
  const server = stack.use(createVault({
    store, storageType: config.storage.type, sealType: config.seal.type, clock, random, log, surroundings: surroundings(container, config), lifeRoutes,
    defaults: { default: config.defaultLeaseTtl, max: config.maxLeaseTtl }, ...(config.seal.type === 'idp-keyfile' ? { keyFile: await keyFileOf(container, config) } : {}),
  }))
  if (await server.autoUnseal()) log.info('unsealed by the key file')
  stack.use(keepCompact(store, clock))
  if (config.seal.type === 'idp-keyfile') stack.use(keepUnsealed(server, clock, log))
  for (const listener of config.listeners) {
    const openMetrics = listener.unauthenticatedMetrics || config.unauthenticatedMetrics
    stack.use(await listenWithList(net, listener.port, { handler: vaultHandler(server, { openMetrics, ...(config.ui ? { beside: page } : {}) }), upgrade: eventSubscriptions(server) }, await tlsOf(container, listener)))
  }
  log.info('vault server started', { seal: config.seal.type, storage: config.storage.type, listeners: config.listeners.map(({ port }) => port) })
  await untilAborted(signal)
  return 0
}

async function loadConfig({ files, pod }: Container, words: readonly string[]): Promise<VaultConfig> {
  const paths = words.flatMap((word, i) => (/^--?config$/.test(word) ? words.slice(i + 1, i + 2) : /^--?config=/.test(word) ? [word.slice(word.indexOf('=') + 1)] : []))
  const [path, ...more] = paths
  if (path === undefined) throw new CodedError({ code: 'VaultConfigMissing', message: 'the server is started without a configuration', where: pod.name, remedy: 'pass -config=FILE' })
  if (more.length > 0) throw new CodedError({ code: 'VaultConfigInvalid', message: 'this server reads one configuration file', where: paths.join(', ') })
  return readVaultConfig(await files.readText(path), path)
}

async function storeOf({ files, random, log }: Container, config: VaultConfig): Promise<Store> {
  return config.storage.type === 'inmem' ? memoryStore() : await openStore(join(await files.directory(config.storage.path), 'vault.store'), { random, log })
}

async function keyFileOf({ files, random }: Container, config: VaultConfig) {
  const at = config.seal.path.lastIndexOf('/')
  return directoryKeyFile(await files.directory(config.seal.path.slice(0, at)), config.seal.path.slice(at + 1), random)
}

async function tlsOf({ files }: Container, { tls }: ListenerConfig): Promise<TlsOptions | undefined> {
  if (tls === undefined) return undefined
  const identity = { cert: await files.readText(tls.certFile), key: await files.readText(tls.keyFile) }
  return { identity: () => identity, requestClientCertificate: !tls.disableClientCerts, ...(tls.clientCaFile === undefined ? {} : { clientCa: await files.readText(tls.clientCaFile) }) }
}

function surroundings({ client, files, net }: Container, { apiAddress }: VaultConfig): Surroundings {
  return {
    ...(apiAddress === '' ? {} : { apiAddress }),
    fetch: (url, init) => net.fetch(url, init),
    append: (file, line) => files.append(file, line),
    ...(client === undefined ? {} : {
      async reviewToken(token, audiences) {
        const review = await client.create(TokenReview, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token, audiences: [...audiences] } })
        return reviewResult((review.status ?? {}) as Record<string, unknown>)
      },
    }),
  }
}

/** The storage keeps old versions of entries until told that nobody reads them. */
function keepCompact(store: Store, clock: Clock): Disposable {
  let timer = clock.timer(compactEvery, run)
  function run(): void {
    void store.compact(store.revision).catch(() => undefined) // the next round tries again
    timer = clock.timer(compactEvery, run)
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
