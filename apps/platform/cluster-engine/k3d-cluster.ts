import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '@idp/kit'
import { k3dConfig, type K3dOptions } from './k3d-config.ts'

/** What a program said. `code` is undefined when there is no such program. */
export interface Outcome { readonly code: number | undefined; readonly out: string; readonly err: string }

/** Runs a program of this machine to its end; never rejects for its exit code. */
export type RunProgram = (command: string, args: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<Outcome>

export interface EnsureK3dOptions extends K3dOptions {
  /** Where the configuration is written; that it is there says that idp made the cluster. */
  readonly directory: string
  /** Called once it is certain that a cluster will be made, to remember it even if that fails half-way. */
  readonly beforeCreate?: () => Promise<void>
}

/** Makes Cilium's mounts shared in every node (k3d documents the variable with its FAQ on Cilium). */
const environment = { K3D_FIX_MOUNTS: '1' } as const

/**
 * Creates the k3d cluster, or starts the one idp made before; gives its kubeconfig.
 * Throws CodedError `DockerMissing`, `DockerNotRunning`, `K3dMissing`, `ClusterExists`, `K3dFailed`.
 */
export async function ensureK3dCluster(run: RunProgram, options: EnsureK3dOptions): Promise<string> {
  await requirePrograms(run)
  const { name } = options
  const file = join(options.directory, 'k3d.yaml')
  const ours = await access(file).then(() => true, () => false)
  const exists = (await run('k3d', ['cluster', 'list', name, '-o', 'json'])).code === 0
  if (exists && !ours) throw new CodedError({ code: 'ClusterExists', message: `there is a k3d cluster '${name}' that idp did not make`, where: `k3d cluster ${name}`, remedy: 'Use another --name, or use that cluster with --engine kubeconfig' })
  if (exists) await must(run, ['cluster', 'start', name])
  else {
    await writeFile(file, k3dConfig(options), { mode: 0o600 })
    await options.beforeCreate?.()
    await must(run, ['cluster', 'create', '--config', file])
  }
  return (await must(run, ['kubeconfig', 'get', name])).out
}

/** Stops the nodes; state stays. Throws like `ensureK3dCluster`. */
export async function stopK3dCluster(run: RunProgram, name: string): Promise<void> {
  await requirePrograms(run)
  await must(run, ['cluster', 'stop', name])
}

/** Removes the cluster; does nothing when there is none. Throws like `ensureK3dCluster`. */
export async function deleteK3dCluster(run: RunProgram, name: string): Promise<void> {
  await requirePrograms(run)
  if ((await run('k3d', ['cluster', 'list', name, '-o', 'json'])).code === 0) await must(run, ['cluster', 'delete', name])
}

async function requirePrograms(run: RunProgram): Promise<void> {
  const docker = await run('docker', ['version', '--format', '{{.Server.Version}}'])
  if (docker.code === undefined) throw new CodedError({ code: 'DockerMissing', message: "k3d runs its nodes in Docker, and there is no 'docker' on the PATH", remedy: 'Install Docker, or use the embedded engine, which needs nothing' })
  if (docker.code !== 0) throw new CodedError({ code: 'DockerNotRunning', message: `Docker does not answer: ${lastLine(docker.err)}`, remedy: 'Start Docker (systemctl start docker, or Docker Desktop), or use the embedded engine' })
  if ((await run('k3d', ['version'])).code === undefined) throw new CodedError({ code: 'K3dMissing', message: "there is no 'k3d' on the PATH", remedy: 'Install k3d 5.8 or newer (https://k3d.io), or use the embedded engine, which needs nothing' })
}

async function must(run: RunProgram, args: readonly string[]): Promise<Outcome> {
  const outcome = await run('k3d', args, environment)
  if (outcome.code === 0) return outcome
  throw new CodedError({ code: 'K3dFailed', message: `k3d ${args.slice(0, 2).join(' ')} failed: ${lastLine(outcome.err) || `code ${outcome.code}`}`, where: `k3d ${args.join(' ')}`, remedy: "Run that command by hand to see all it says; 'idp destroy' removes what was begun" })
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
