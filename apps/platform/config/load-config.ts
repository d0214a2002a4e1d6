import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CodedError, messageOf } from '@idp/kit'
import type { PlatformConfig } from './config.ts'
import { checkConfig } from './check-config.ts'

/** Reads and checks `idp.config.ts` of a platform repository. Throws CodedError `NoConfig`, `InvalidConfig`. */
export async function loadConfig(repository: string): Promise<PlatformConfig> {
  const file = join(repository, 'idp.config.ts')
  try {
    await access(file)
  } catch (cause) {
    throw new CodedError({ code: 'NoConfig', message: `${repository} has no idp.config.ts, so it is not a platform repository`, where: file, remedy: "Make one with 'idp init DIR'", cause })
  }
  let module: { default?: unknown }
  try {
    module = (await import(pathToFileURL(file).href)) as { default?: unknown }
  } catch (cause) {
    throw new CodedError({ code: 'InvalidConfig', message: `idp.config.ts cannot be read: ${messageOf(cause)}`, where: file, remedy: 'It must be TypeScript that Node runs as it is, with one default export', cause })
  }
  return checkConfig(module.default, file)
}
