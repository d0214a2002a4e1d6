import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError } from '@idp/kit'

/** Makes a directory that only its owner can enter. Throws `WrongFileMode` for one that others may write to. */
export async function privateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { mode, uid } = await stat(directory)
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new CodedError({ code: 'ForeignDataDirectory', message: 'the data directory belongs to another user', where: directory, remedy: 'choose another with --data-dir' })
  }
  if ((mode & 0o077) !== 0) await chmod(directory, 0o700)
}

/** The content of a private file, or undefined when there is none. Throws `WrongFileMode` when others can read it. */
export async function readPrivate(file: string): Promise<string | undefined> {
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (((await stat(file)).mode & 0o077) !== 0) {
    throw new CodedError({ code: 'WrongFileMode', message: 'other users can read this file, which holds a key', where: file, remedy: `chmod 600 ${file}, and consider the key known` })
  }
  return content
}

/** Writes a file of mode 0600 so that a crash leaves the old one or the new one. */
export async function writePrivate(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.new`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
}
