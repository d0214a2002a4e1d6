import { join, resolve } from 'node:path'
import { CodedError } from '@idp/kit'
import type { PlatformConfig } from '@idp/platform'
import { loadConfig } from '@idp/platform/config'
import type { ClusterFlags } from '../cluster-engine.ts'
import { engineLog, findTarget, installation, type CommandContext } from '../context.ts'
import { clusterDirectory, readRecord, type ClusterRecord } from '../data-directory.ts'
import type { PreparedPlatform } from './bring-platform-up.ts'
import { ensureEngine, type EngineFlags } from './cluster-up.ts'

export interface UpFlags extends EngineFlags, ClusterFlags {
  readonly repository?: string
  /** The recorded one by default, the embedded one for a new cluster. */
  readonly engine?: ClusterRecord['engine']
}

/** Starts engine and platform; resolves when every Application is Synced and Healthy. */
export async function up(context: CommandContext, flags: UpFlags): Promise<void> {
  const began = context.clock.now()
  const known = await findTarget(context).catch(() => undefined)
  const repository = flags.repository === undefined ? known?.record.repository : resolve(flags.repository)
  const directory = repository ?? join(installation, 'blueprint')
  const config = await loadConfig(directory)
  let prepared: Promise<PreparedPlatform> | undefined
  const prepare = (render: boolean) => (prepared ??= import('./bring-platform-up.ts').then(({ preparePlatform }) => preparePlatform(directory, { render })))
  await using _source = { [Symbol.asyncDispose]: async () => (await prepared?.catch(() => undefined))?.source[Symbol.asyncDispose]() }
  // The process that was just started has its own modules to load: ours and the repository's rendering meanwhile. What fails here fails again where it is awaited.
  const meanwhile = () => void prepare(known === undefined && (flags.charts ?? 'stand-in') === 'stand-in').catch(() => {})
  const engine = await ensureAnyEngine(context, config, { flags, repository, meanwhile })
  const [{ bringPlatformUp }, platform] = await Promise.all([import('./bring-platform-up.ts'), prepare(false)])
  await bringPlatformUp(context, { engine, config, flags, began, prepared: platform })
  if (flags.foreground === true && engine.record.engine === 'embedded') await foreground(context, engine)
}

export interface AnyEngine { readonly record: ClusterRecord; readonly directory: string }

/** The engine that is asked for, or the one the cluster has. Throws CodedError `EngineDiffers`. */
async function ensureAnyEngine(context: CommandContext, config: PlatformConfig, options: { readonly flags: UpFlags; readonly repository: string | undefined; readonly meanwhile: () => void }): Promise<AnyEngine> {
  const name = context.name ?? config.cluster.name
  const recorded = (await readRecord(clusterDirectory(context.root, name)))?.engine
  const engine = options.flags.engine ?? recorded ?? 'embedded'
  if (recorded !== undefined && recorded !== engine) throw new CodedError({ code: 'EngineDiffers', message: `cluster '${name}' is there already, with the ${recorded} engine`, remedy: `Give the new one a --name of its own, or remove the old one with 'idp destroy --name ${name}'` })
  if (engine !== 'embedded') return (await import('../cluster-engine.ts')).ensureCluster(context, config, { ...options, engine })
  return ensureEngine(context, config, { ...options, platform: true })
}

/** Stays until Ctrl-C, then stops the engine. */
async function foreground(context: CommandContext, { directory, record }: { directory: string; record: ClusterRecord }): Promise<void> {
  context.report.event({ event: 'notice', message: `running in the foreground; Ctrl-C stops it; the engine's log is ${engineLog(directory)}` })
  await new Promise<void>((done) => context.signal.addEventListener('abort', () => done(), { once: true }))
  const { stopEngine } = await import('./down.ts')
  await stopEngine(context, { name: record.name, directory, record, running: true })
}
