import { readFile } from 'node:fs/promises'
import type { JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { mergeMaps, readValues, setValues, type SetMode } from '@idp/render-helm'
import { all, type Given } from './flags.ts'

/** Reads `-f` files that are URLs. */
export type FetchText = (url: string) => Promise<string>

/** The values that flags give, in the order helm merges them: files, `--set-json`, `--set`, `--set-string`, `--set-file`, `--set-literal`. */
export async function readValueFlags(given: Given, fetchText: FetchText, stdin: AsyncIterable<Buffer | string> = process.stdin): Promise<JsonObject[]> {
  const files: JsonObject[] = []
  for (const file of all(given, 'values')) files.push(readValues(await textOf(file, fetchText, stdin), file))
  let set: JsonObject = {}
  const apply = (name: string, mode: SetMode): void => {
    for (const argument of all(given, name)) {
      if (mode === 'json' && argument.trim().startsWith('{')) set = mergeMaps(set, readObject(argument))
      else setValues(set, argument, mode)
    }
  }
  apply('set-json', 'json')
  apply('set', 'typed')
  apply('set-string', 'string')
  for (const argument of all(given, 'set-file')) await setFiles(set, argument)
  apply('set-literal', 'literal')
  return [...files, set]
}

async function textOf(file: string, fetchText: FetchText, stdin: AsyncIterable<Buffer | string>): Promise<string> {
  if (/^https?:\/\//.test(file)) return await fetchText(file)
  if (file !== '-') return await readFile(file, 'utf8')
  let text = ''
  for await (const chunk of stdin) text += String(chunk)
  return text
}

function readObject(argument: string): JsonObject {
  try {
    return JSON.parse(argument) as JsonObject
  } catch (cause) {
    throw new CodedError({ code: 'InvalidSet', message: `failed parsing JSON: ${argument}`, where: argument, cause })
  }
}

/** `key=path,key=path`; a comma in a path is escaped. */
async function setFiles(set: JsonObject, argument: string): Promise<void> {
  for (const part of argument.split(/(?<!\\),/)) {
    const equals = part.indexOf('=')
    if (equals < 0) throw new CodedError({ code: 'InvalidSet', message: `failed parsing --set-file data: key "${part}" has no value`, where: argument })
    const content = await readFile(part.slice(equals + 1).replaceAll('\\,', ','), 'utf8')
    setValues(set, `${part.slice(0, equals)}=${content.replaceAll(/[\\,{]/g, '\\$&')}`, 'string')
  }
}
