import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, type Random } from '@idp/kit'
import type { KeyFile } from '../engine/core/seal.ts'

/**
 * The key of the seal `idp-keyfile`: 32 bytes in hex, in a file of mode 0600, written whole or not at all.
 * @throws CodedError `WrongFileMode` when others may read it, `WrongUnsealKey` when it does not hold a key
 */
export function directoryKeyFile(directory: string, name: string, random: Random): KeyFile {
  const path = join(directory, name)
  return {
    async read() {
      let content: string
      try {
        const { mode } = await stat(path)
        if ((mode & 0o077) !== 0) throw new CodedError({ code: 'WrongFileMode', message: 'the unseal key may be read by others than its owner', where: path, remedy: `chmod 600 ${path}` })
        content = (await readFile(path, 'utf8')).trim()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
      if (!/^[0-9a-f]{64}$/.test(content)) throw new CodedError({ code: 'WrongUnsealKey', message: 'the file does not hold an unseal key', where: path, remedy: 'put the original file back, or unseal with the shares from the initialisation' })
      return Buffer.from(content, 'hex')
    },
    async write(key) {
      await mkdir(directory, { recursive: true })
      const draft = `${path}.${Buffer.from(random(6)).toString('hex')}`
      const file = await open(draft, 'wx', 0o600)
      try {
        await file.writeFile(`${Buffer.from(key).toString('hex')}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, path)
      const folder = await open(directory, 'r')
      await folder.sync().finally(() => folder.close())
    },
  }
}
