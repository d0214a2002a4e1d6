import type { ExecIo } from '@idp/sandbox'
import type { Api } from './api.ts'
import { CliError } from './cli-error.ts'
import type { Words } from './words.ts'

/** One command, and what it may use. */
export interface Task { readonly words: Words; readonly api: Api; readonly io: ExecIo }

export async function readStdin({ io }: Task): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of io.stdin) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Values from `key=value`, `key=-` (standard input) and `-` (JSON on standard input). */
export async function pairsOf(task: Task, words: readonly string[]): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {}
  for (const word of words) {
    if (word === '-') {
      try {
        Object.assign(values, JSON.parse(await readStdin(task)))
      } catch {
        // The parser's message would quote what was given.
        throw new CliError('Failed to parse K=V data: standard input is not a JSON object')
      }
      continue
    }
    const at = word.indexOf('=')
    if (at < 1) throw new CliError(`Failed to parse K=V data: invalid key/value pair ${JSON.stringify(word)}: format must be key=value`)
    const value = word.slice(at + 1)
    if (value.startsWith('@')) throw new CliError('Failed to parse K=V data: files of the container cannot be given; pass the value with key=- on standard input')
    values[word.slice(0, at)] = value === '-' ? (await readStdin(task)).replace(/\n$/, '') : value
  }
  return values
}
