import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findTarget, installation, type CommandContext } from '../context.ts'

/** The version in package.json. */
export async function idpVersion(): Promise<string> {
  return (JSON.parse(await readFile(join(installation, 'package.json'), 'utf8')) as { version: string }).version
}

/** Versions of idp, Node, and of the cluster there is. */
export async function version(context: CommandContext): Promise<void> {
  const idp = await idpVersion()
  const cluster = await findTarget({ ...context }).catch(() => undefined)
  const lines = [`idp ${idp}`, `node ${process.versions.node}`, ...(cluster === undefined ? [] : [`cluster ${cluster.name}: ${cluster.record.engine} engine of idp ${cluster.record.version}, ${cluster.running ? 'running' : 'not running'}`])]
  context.report.result(lines.join('\n'), { idp, node: process.versions.node, cluster: cluster === undefined ? null : { name: cluster.name, engine: cluster.record.engine, idp: cluster.record.version, running: cluster.running } })
}
