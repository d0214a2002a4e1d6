import { CodedError } from '@idp/kit'
import { findTarget, target, type CommandContext, type Target } from '../context.ts'
import { removeClusterDirectory, writeRecord } from '../data-directory.ts'
import { runProgram } from '../run-program.ts'
import { isAlive } from '../process-identity.ts'
import { confirm } from '../output/confirm.ts'
import { sleepUntil } from '../wait-until.ts'

/** Milliseconds the engine gets to stop by itself: it flushes its log and ends its programs. */
const stopTimeout = 15_000

/** Stops the engine; state stays. Does nothing when it does not run. */
export async function down(context: CommandContext): Promise<void> {
  const found = await target(context)
  const { engine } = found.record
  if (engine === 'kubeconfig') {
    context.report.result(`there is nothing to stop: idp did not start cluster '${found.name}' (context ${found.record.context ?? ''}, ${found.record.server ?? ''})`, { event: 'summary', name: found.name, engine })
    return
  }
  if (engine === 'k3d') {
    const { stopK3dCluster } = await import('@idp/platform/k3d')
    await stopK3dCluster(runProgram, found.name)
    context.report.result(`stopped the k3d cluster '${found.name}'; 'idp up' continues where it was`, { event: 'summary', name: found.name, running: false })
    return
  }
  if (!found.running) {
    context.report.result(`cluster '${found.name}' is not running`, { event: 'summary', name: found.name, running: false })
    return
  }
  await stopEngine(context, found)
  context.report.result(`stopped cluster '${found.name}'; 'idp up' continues where it was`, { event: 'summary', name: found.name, running: false })
}

/** Stops the engine and removes every file of the cluster. */
export async function destroy(context: CommandContext, options: { readonly yes: boolean }): Promise<void> {
  const found = await findTarget(context)
  if (found === undefined) {
    context.report.result('there is nothing to destroy', { event: 'summary', destroyed: false })
    return
  }
  const { engine } = found.record
  const question = engine === 'kubeconfig' ? `Forget cluster '${found.name}' and remove ${found.directory}? What runs in the cluster stays.` : `Destroy cluster '${found.name}' with all its data in ${found.directory}?`
  if (!options.yes && !(await confirm(context, question))) {
    throw new CodedError({ code: 'NotConfirmed', message: 'nothing was destroyed', remedy: 'Answer yes, or pass --yes' })
  }
  if (found.running) await stopEngine(context, found)
  if (engine === 'k3d') await (await import('@idp/platform/k3d')).deleteK3dCluster(runProgram, found.name)
  const { endTrust } = await import('./trust.ts')
  const trust = await endTrust(found)
  await removeClusterDirectory(found.directory)
  if (engine === 'kubeconfig') {
    context.report.result(`removed what idp kept of cluster '${found.name}'; the cluster and what runs in it stay as they are, since idp did not make it${trust}`, { event: 'summary', name: found.name, destroyed: false, forgotten: true })
    return
  }
  context.report.result(`destroyed cluster '${found.name}'${trust}`, { event: 'summary', name: found.name, destroyed: true })
}

/** Ends the engine's process: SIGTERM, then SIGKILL for one that hangs (no acknowledged write is lost by that). */
export async function stopEngine(context: CommandContext, { directory, record }: Target): Promise<void> {
  const { pid, processStart } = record
  if (pid === undefined) return
  const gone = () => !isAlive(pid, processStart)
  process.kill(pid, 'SIGTERM')
  if (!(await sleepUntil(context.clock, gone, stopTimeout))) {
    process.kill(pid, 'SIGKILL')
    if (!(await sleepUntil(context.clock, gone, stopTimeout))) throw new CodedError({ code: 'StopFailed', message: `process ${pid} does not end`, where: directory })
  }
  const { pid: _pid, processStart: _start, ...rest } = record
  await writeRecord(directory, rest)
}
