import { cp, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CodedError } from '@idp/kit'
import { installation, type CommandContext } from '../context.ts'

/** Writes a new platform repository from the blueprint. Never overwrites. */
export async function init(context: CommandContext, directory: string): Promise<void> {
  const target = resolve(directory)
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (entries.some((entry) => entry !== '.git')) throw new CodedError({ code: 'NotEmpty', message: 'the directory is not empty; nothing was written', where: target, remedy: 'Name a new or empty directory' })
  await cp(join(installation, 'blueprint'), target, { recursive: true })
  context.report.result(`wrote a platform repository to ${target}\nnext: cd ${directory} && git init && git add . && git commit -m 'My platform' && idp up .`, { event: 'summary', directory: target })
}
