import { chmod, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '@idp/kit'

/** What the CLI remembers of a cluster between calls: `cluster.json` in its directory. No secrets. */
export interface ClusterRecord {
  readonly format: 1
  readonly name: string
  readonly engine: 'embedded' | 'kubeconfig' | 'k3d'
  readonly pid?: number
  /** Start time of that process as the system counts it, so that a recycled pid is not mistaken for it. */
  readonly processStart?: string
  readonly apiPort: number
  readonly httpsPort: number
  readonly httpPort: number
  readonly version: string
  /** The directory of the repository that was given to `up`, if one was. */
  readonly repository?: string
  readonly platform: boolean
  /** Of a cluster that idp did not start itself: URL of its API server. */
  readonly server?: string
  /** The kubeconfig context it was taken from. */
  readonly context?: string
  /** Where its gateway answers; this machine when absent. */
  readonly gatewayAddress?: string
  /** Where its charts come from, as `--charts` says it. */
  readonly charts?: string
}

const recordName = 'cluster.json'

/** Where the state of all clusters lives: `--data-dir`, or the user's data directory of the system. */
export function dataRoot(environment: Readonly<Record<string, string | undefined>>, platform: NodeJS.Platform): string {
  const home = environment['HOME'] ?? environment['USERPROFILE'] ?? '.'
  if (environment['XDG_DATA_HOME']) return join(environment['XDG_DATA_HOME'], 'idp')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'idp')
  return join(home, '.local', 'share', 'idp')
}

/** The directory of one cluster. */
export function clusterDirectory(root: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) throw new CodedError({ code: 'InvalidName', message: `'${name}' cannot be the name of a cluster`, remedy: "Use lower-case letters, digits and '-'" })
  return join(root, name)
}

/** Makes the directory with mode 0700. Refuses (`WrongFileMode`, `ForeignDataDirectory`) one that others may enter or that holds something else; changes nothing then. */
export async function openClusterDirectory(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new CodedError({ code: 'DataDirectoryUnusable', message: `cannot use the data directory: ${error.message}`, where: directory, remedy: 'Choose another with --data-dir', cause: error })
  })
  if (entries === undefined) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
    return
  }
  const { mode } = await stat(directory)
  if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
    throw new CodedError({ code: 'WrongFileMode', message: `the data directory can be entered by others (mode ${(mode & 0o777).toString(8)}); it holds keys`, where: directory, remedy: `chmod 700 '${directory}'` })
  }
  if (entries.length > 0 && !entries.includes(recordName) && !entries.includes('engine')) {
    throw new CodedError({ code: 'ForeignDataDirectory', message: 'the data directory is not empty and was not made by idp', where: directory, remedy: 'Choose an empty one with --data-dir, or another --name' })
  }
}

/** The record of a cluster, or undefined when there is none. Throws CodedError `CorruptData`. */
export async function readRecord(directory: string): Promise<ClusterRecord | undefined> {
  const file = join(directory, recordName)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    const record = JSON.parse(text) as ClusterRecord
    if (record.format === 1) return record
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new CodedError({ code: 'CorruptData', message: 'the record of this cluster cannot be read, or a newer idp wrote it', where: file, remedy: "Use the newer idp, or remove the cluster with 'idp destroy'" })
}

/** Replaces the record atomically. */
export async function writeRecord(directory: string, record: ClusterRecord): Promise<void> {
  const file = join(directory, recordName)
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Names of the clusters that have a directory. */
export async function clusterNames(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

export async function removeClusterDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
}
