import { chmod, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import type { Client } from '@idp/client'
import { CodedError, sleep } from '@idp/kit'
import { ensureK3dCluster, extractContext, locateGateway, preflight, refuseFaults, standInCharts, upstreamCharts, type ChartSource, type ExtractedContext, type PlatformConfig } from '@idp/platform'
import { chartEntries } from './chart-entries.ts'
import { clusterClient } from './cluster-client.ts'
import { kubeconfigFile, type CommandContext } from './context.ts'
import { clusterDirectory, openClusterDirectory, readRecord, writeRecord, type ClusterRecord } from './data-directory.ts'
import { runProgram } from './run-program.ts'
import { idpVersion } from './commands/version.ts'

export interface ClusterFlags {
  readonly context?: string
  readonly kubeconfig?: string
  readonly gatewayAddress?: string
  readonly charts?: string
  readonly httpsPort?: number
  readonly httpPort?: number
}

export interface EnsuredCluster { readonly record: ClusterRecord; readonly directory: string }

/** Milliseconds a k3d cluster that was just made may take to have what the preflight asks for. */
const k3dSettles = 90_000

/** Makes sure that the cluster of another engine is there and can take the platform, and remembers it. Throws what the preflight finds. */
export async function ensureCluster(context: CommandContext, config: PlatformConfig, options: { readonly engine: 'kubeconfig' | 'k3d'; readonly flags: ClusterFlags; readonly repository: string | undefined }): Promise<EnsuredCluster> {
  const { engine, flags } = options
  const name = context.name ?? config.cluster.name
  const directory = clusterDirectory(context.root, name)
  await openClusterDirectory(directory)
  const known = await readRecord(directory)
  const repository = options.repository ?? known?.repository
  const began = context.clock.now()
  context.report.event({ event: 'step', name: 'engine', state: 'running' })
  const ports = { https: flags.httpsPort ?? known?.httpsPort ?? config.ports.https, http: flags.httpPort ?? known?.httpPort ?? config.ports.http }
  const base = { format: 1, name, engine, apiPort: 0, httpsPort: ports.https, httpPort: ports.http, version: await idpVersion(), platform: true, ...(repository === undefined ? {} : { repository }) } as const
  const { kubeconfig, server } = await (engine === 'k3d'
    ? k3dContext(directory, { name, nodes: config.cluster.nodes, ports, beforeCreate: () => writeRecord(directory, base) })
    : namedContext(directory, flags, known)).catch(async (error: unknown) => {
    // A directory without a record would count as a cluster.
    if (known === undefined) await rmdir(directory).catch(() => {})
    throw error
  })
  await mkdir(dirname(kubeconfigFile(directory)), { recursive: true, mode: 0o700 })
  await writeFile(kubeconfigFile(directory), kubeconfig, { mode: 0o600 })
  await chmod(kubeconfigFile(directory), 0o600)
  const chosen = engine === 'k3d' ? `k3d-${name}` : flags.context ?? known?.context
  const gatewayAddress = engine === 'k3d' ? '127.0.0.1' : flags.gatewayAddress ?? known?.gatewayAddress
  const record: ClusterRecord = {
    ...base, apiPort: Number(new URL(server).port || 443), server, charts: flags.charts ?? known?.charts ?? 'upstream',
    ...(chosen === undefined ? {} : { context: chosen }), ...(gatewayAddress === undefined ? {} : { gatewayAddress }),
  }
  await writeRecord(directory, record)
  await checkCluster(context, directory, { config, server, settles: engine === 'k3d' ? k3dSettles : 0 })
  context.report.event({ event: 'step', name: 'engine', state: 'done', ms: context.clock.now() - began, message: server })
  return { record, directory }
}

async function checkCluster(context: CommandContext, directory: string, { config, server, settles }: { readonly config: PlatformConfig; readonly server: string; readonly settles: number }): Promise<void> {
  const client = await clusterClient(directory)
  let faults = await reach(() => preflight(client, config.cluster.nodes), server)
  for (const deadline = context.clock.now() + settles; faults.length > 0 && context.clock.now() < deadline;) {
    await sleep(context.clock, 1000, context.signal)
    faults = await preflight(client, config.cluster.nodes)
  }
  refuseFaults(faults, server)
  if (!(await isEmbedded(client))) context.report.event({ event: 'notice', message: gitImageNotice })
}

/** A real kubelet pulls images; that of idp's own Git server is in no registry. */
const gitImageNotice = "the image of idp's Git server (docker.io/idp/git-server) is not published: step 'git' waits until the nodes have it, or until IT/git/values.yaml names another (docs/how-to/use-a-real-cluster.md)"

/** True for another cluster of idp's embedded engine: its version says so. */
async function isEmbedded(client: Client): Promise<boolean> {
  const response = await client.request('/version')
  return ((await response.json()) as { gitVersion?: string }).gitVersion?.endsWith('+idp') === true
}

/** An API server that does not answer is the person's to mend, so it is said with its address. */
async function reach<T>(ask: () => Promise<T>, server: string): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'ApiUnreachable') throw cause
    throw new CodedError({ code: 'ApiUnreachable', message: cause.message, where: server, remedy: 'Check that the cluster runs and that this machine reaches its API server', cause })
  }
}

async function k3dContext(directory: string, options: { readonly name: string; readonly nodes: PlatformConfig['cluster']['nodes']; readonly ports: { readonly https: number; readonly http: number }; readonly beforeCreate: () => Promise<void> }): Promise<ExtractedContext> {
  const file = join(directory, 'k3d-kubeconfig')
  await writeFile(file, await ensureK3dCluster(runProgram, { ...options, directory }), { mode: 0o600 })
  return extractContext(file, `k3d-${options.name}`)
}

/** The context that is named, or the copy that was made when it was. */
async function namedContext(directory: string, flags: ClusterFlags, known: ClusterRecord | undefined): Promise<ExtractedContext> {
  const context = flags.context ?? known?.context
  if (flags.context === undefined && flags.kubeconfig === undefined && known?.context !== undefined) return extractContext(kubeconfigFile(directory), known.context)
  const files = flags.kubeconfig === undefined ? kubeconfigFiles() : [flags.kubeconfig]
  for (const file of files.slice(0, -1)) {
    const text = await readFile(file, 'utf8').catch(() => '')
    // Of several files, as in $KUBECONFIG, the first with the context counts; the last one gives the message when none has it.
    if (context !== undefined && text.includes(context)) return extractContext(file, context)
  }
  return extractContext(files.at(-1) ?? '', context)
}

function kubeconfigFiles(): string[] {
  const named = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '')
  return named.length > 0 ? named : [join(homedir(), '.kube', 'config')]
}

/** Finds the gateway of a cluster once it has one, and remembers where. */
export async function rememberGateway({ directory, record }: EnsuredCluster): Promise<ClusterRecord> {
  const found = await locateGateway(await clusterClient(directory), { address: record.gatewayAddress, https: record.httpsPort, http: record.httpPort })
  const next = { ...record, gatewayAddress: found.address }
  await writeRecord(directory, next)
  return next
}

/** The charts that `--charts` means. Throws CodedError `InvalidFlag`. */
export function chosenCharts(directory: string, choice: string, signal: AbortSignal): ChartSource {
  const own = standInCharts(chartEntries())
  if (choice === 'stand-in') return own
  const isMirror = /^(https?|oci):\/\//.test(choice)
  if (choice !== 'upstream' && !isMirror) throw new CodedError({ code: 'InvalidFlag', message: `--charts cannot be '${choice}'`, remedy: "It is 'upstream', 'stand-in' or the URL of a chart repository (http, https, oci)" })
  return upstreamCharts({ fetch: (url, init) => fetch(url, init), cacheDirectory: join(directory, 'charts'), own, signal, ...(isMirror ? { mirror: choice } : {}) })
}
