import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CodedError, type Clock } from '@idp/kit'
import { clusterDirectory, clusterNames, readRecord, type ClusterRecord } from './data-directory.ts'
import type { Report } from './output/report.ts'
import { isAlive } from './process-identity.ts'

/** What every command is given. */
export interface CommandContext {
  readonly report: Report
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly debug: boolean
  /** Standard output is a terminal. */
  readonly tty: boolean
  /** The directory of all clusters. */
  readonly root: string
  /** `--name`, when given. */
  readonly name: string | undefined
}

/** The root of this installation: where `blueprint/` and `components/` are. */
export const installation = fileURLToPath(new URL('../..', import.meta.url))

/** The cluster a command means: `--name`, or the only one there is. */
export interface Target { readonly name: string; readonly directory: string; readonly record: ClusterRecord; readonly running: boolean }

export async function target(context: CommandContext): Promise<Target> {
  const found = await findTarget(context)
  if (found !== undefined) return found
  throw new CodedError({ code: 'NoCluster', message: context.name === undefined ? 'there is no cluster yet' : `there is no cluster called '${context.name}'`, where: context.root, remedy: "Start one with 'idp up', or look elsewhere with --data-dir" })
}

/** Like `target`, but undefined when there is none. Throws CodedError `AmbiguousCluster` when there are several and no `--name`. */
export async function findTarget(context: CommandContext): Promise<Target | undefined> {
  const name = context.name ?? (await onlyCluster(context.root))
  if (name === undefined) return undefined
  const directory = clusterDirectory(context.root, name)
  const record = await readRecord(directory)
  return record === undefined ? undefined : { name, directory, record, running: isAlive(record.pid, record.processStart) }
}

async function onlyCluster(root: string): Promise<string | undefined> {
  const names = await clusterNames(root)
  if (names.length > 1) throw new CodedError({ code: 'AmbiguousCluster', message: `there are ${names.length} clusters: ${names.join(', ')}`, remedy: 'Say which with --name' })
  return names[0]
}

/** Throws CodedError `NotRunning` unless the cluster's engine runs. */
export async function runningTarget(context: CommandContext): Promise<Target> {
  const found = await target(context)
  if (found.running || found.record.engine !== 'embedded') return found
  throw new CodedError({ code: 'NotRunning', message: `cluster '${found.name}' is not running`, remedy: "Start it with 'idp up'" })
}

export const kubeconfigFile = (directory: string): string => join(directory, 'engine', 'kubeconfig')
export const engineLog = (directory: string): string => join(directory, 'engine.log')
