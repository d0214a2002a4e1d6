import type { CommandContext } from '../context.ts'

/** Asks on the terminal; false without one, so that a script never hangs. */
export async function confirm(context: CommandContext, question: string): Promise<boolean> {
  if (!context.tty || !process.stdin.isTTY) return false
  const { confirm: ask, isCancel } = await import('@clack/prompts')
  const answer = await ask({ message: question, initialValue: false })
  return !isCancel(answer) && answer
}
