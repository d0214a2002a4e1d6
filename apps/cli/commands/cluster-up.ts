import { join } from 'node:path'
import type { PlatformConfig } from '@idp/platform'
import { loadConfig } from '@idp/platform/config'
import { clusterDirectory, openClusterDirectory, readRecord, writeRecord, type ClusterRecord } from '../data-directory.ts'
import { engineLog, installation, kubeconfigFile, type CommandContext } from '../context.ts'
import { startEngine } from '../engine/start-engine.ts'
import { isAlive } from '../process-identity.ts'
import { idpVersion } from './version.ts'

export interface EngineFlags {
  readonly httpsPort?: number
  readonly httpPort?: number
  readonly apiPort?: number
  readonly foreground?: boolean
  readonly timeout: number
}

/** Starts the embedded cluster without a platform. */
export async function clusterUp(context: CommandContext, flags: EngineFlags): Promise<void> {
  const config = await loadConfig(join(installation, 'blueprint'))
  const { record, directory } = await ensureEngine(context, { ...config, ports: { https: 0, http: 0 } }, { flags, platform: false })
  context.report.result(`cluster '${record.name}' is up: https://127.0.0.1:${record.apiPort}\nexport KUBECONFIG=${kubeconfigFile(directory)}`, { event: 'summary', name: record.name, api: `https://127.0.0.1:${record.apiPort}`, kubeconfig: kubeconfigFile(directory) })
}

export interface EnsuredEngine { readonly record: ClusterRecord; readonly directory: string; readonly started: boolean }

export interface EnsureOptions {
  readonly flags: EngineFlags
  readonly platform: boolean
  readonly repository?: string | undefined
  /** Called when the engine's process has been started and is not ready yet. */
  readonly meanwhile?: () => void
}

/** Makes sure the engine of the cluster runs: leaves a running one as it is, starts one that is not. */
export async function ensureEngine(context: CommandContext, config: PlatformConfig, options: EnsureOptions): Promise<EnsuredEngine> {
  const { flags } = options
  const name = context.name ?? config.cluster.name
  const directory = clusterDirectory(context.root, name)
  await openClusterDirectory(directory)
  const known = await readRecord(directory)
  if (known !== undefined && isAlive(known.pid, known.processStart)) return { record: known, directory, started: false }
  const began = context.clock.now()
  context.report.event({ event: 'step', name: 'engine', state: 'running' })
  const httpsPort = flags.httpsPort ?? known?.httpsPort ?? config.ports.https
  const httpPort = flags.httpPort ?? known?.httpPort ?? config.ports.http
  const engine = await startEngine({ directory, name, nodes: config.cluster.nodes, apiPort: flags.apiPort ?? known?.apiPort ?? 0, httpsPort, httpPort }, { logFile: engineLog(directory), meanwhile: options.meanwhile })
  const repository = options.repository ?? known?.repository
  const record: ClusterRecord = {
    format: 1, name, engine: 'embedded', pid: engine.pid, processStart: engine.processStart, apiPort: engine.apiPort, httpsPort, httpPort,
    version: await idpVersion(), platform: options.platform || (known?.platform ?? false), ...(repository === undefined ? {} : { repository }),
  }
  await writeRecord(directory, record)
  context.report.event({ event: 'step', name: 'engine', state: 'done', ms: context.clock.now() - began, message: `https://127.0.0.1:${engine.apiPort}` })
  return { record, directory, started: true }
}
