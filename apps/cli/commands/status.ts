import { platformStatus, type PlatformStatus } from '@idp/platform/status'
import { clusterClient } from '../cluster-client.ts'
import { runningTarget, type CommandContext, type Target } from '../context.ts'

/** Prints what is healthy, and for what is not the cause. Exit code 1 unless everything is. */
export async function status(context: CommandContext): Promise<void> {
  const found = await runningTarget(context)
  const state = await platformStatus(await clusterClient(found.directory))
  context.report.result(statusText(found, state), { cluster: found.name, engine: found.record.engine, ...state })
  if (!state.healthy) process.exitCode = 1
}

function statusText({ name, record }: Target, state: PlatformStatus): string {
  const rows = state.applications.map((app) => [app.name, app.sync, app.health, app.cause ?? ''])
  const well = state.applications.filter((app) => app.cause === undefined && app.health === 'Healthy').length
  return [
    `cluster ${name} (${record.engine} engine), API on ${record.server ?? `https://127.0.0.1:${record.apiPort}`}, gateway on https://*.idp.localhost:${record.httpsPort}`,
    `nodes   ${state.nodes.map((node) => `${node.name} ${node.ready ? 'Ready' : 'NotReady'} (${node.pool})`).join(', ')}`,
    `pods    ${state.pods.running} well${state.pods.waiting.map((pod) => `\n        ${pod.name}: ${pod.cause}`).join('')}`,
    '', ...(rows.length === 0 ? ['no Applications'] : table([['APPLICATION', 'SYNC', 'HEALTH', 'CAUSE'], ...rows])), '',
    `${well} of ${rows.length} Applications are Synced and Healthy`,
    ...(state.standIns.simulated.length === 0 ? [] : [`simulated images (ready and answering, but without a program): ${state.standIns.simulated.join(', ')}`]),
    ...(state.standIns.programs.length === 0 ? [] : [`programs of idp in place of: ${state.standIns.programs.join(', ')}`]),
  ].join('\n')
}

/** Columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ').trimEnd())
}
