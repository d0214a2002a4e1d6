import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import type { RunProgram } from '@idp/platform'

/** What of a machine has to do with trust. Handed in, so that tests see what would be run on any system. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly home: string
  /** May change what concerns all users. */
  readonly root: boolean
  readonly run: RunProgram
  exists(path: string): Promise<boolean>
  /** Names below a directory; none when there is no such directory. */
  list(path: string): Promise<readonly string[]>
  /** Makes the directories above, too. */
  write(path: string, text: string): Promise<void>
  makeDirectory(path: string): Promise<void>
  remove(path: string): Promise<void>
}

/** The machine that the command runs on. */
export function thisMachine(run: RunProgram): Machine {
  return {
    platform: process.platform, home: homedir(), root: process.getuid?.() === 0, run,
    exists: (path) => access(path).then(() => true, () => false),
    list: (path) => readdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EACCES') return []
      throw error
    }),
    async write(path, text) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    },
    makeDirectory: async (path) => void await mkdir(path, { recursive: true, mode: 0o700 }),
    remove: (path) => rm(path, { force: true }),
  }
}
