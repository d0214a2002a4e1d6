import { readFile } from 'node:fs/promises'
import { kubeconfigFile, target, type CommandContext } from '../context.ts'

/** Prints the kubeconfig of the cluster's administrator. */
export async function kubeconfig(context: CommandContext): Promise<void> {
  const { directory } = await target(context)
  const text = await readFile(kubeconfigFile(directory), 'utf8')
  context.report.result(text.trimEnd(), { kubeconfig: text })
}
