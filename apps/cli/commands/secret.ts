import { CodedError } from '@idp/kit'
import { platformCredentials } from '@idp/platform/credentials'
import { clusterClient } from '../cluster-client.ts'
import { runningTarget, type CommandContext } from '../context.ts'

/** Prints user and password of an application, read from the cluster. */
export async function secret(context: CommandContext, name: string): Promise<void> {
  const found = await runningTarget(context)
  const credentials = await platformCredentials(await clusterClient(found.directory))
  const entry = credentials.find((one) => one.name === name)
  if (entry === undefined) throw new CodedError({ code: 'NoSuchSecret', message: `there are no credentials called '${name}'`, remedy: credentials.length === 0 ? "Start the platform with 'idp up'" : `There are ${credentials.map((one) => one.name).join(', ')}` })
  context.report.result(`user:     ${entry.user}\npassword: ${entry.password}`, entry)
}
