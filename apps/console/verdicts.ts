import { readFile, stat } from 'node:fs/promises'
import { CodedError, sleep, type Clock } from '@idp/kit'
import type { ArrowResult } from '@idp/platform'

/** What the last `idp verify` said. */
export interface Verdicts { readonly at: number; readonly arrows: readonly ArrowResult[] }

/** Reads what `idp verify --output json` printed: lines of JSON, the last with the arrows. Throws CodedError `VerdictsInvalid`. */
export function parseVerdicts(text: string, where: string): readonly ArrowResult[] {
  const last = text.trim().split('\n').findLast((line) => line.startsWith('{"arrows"')) ?? text
  try {
    const { arrows } = JSON.parse(last) as { arrows?: ArrowResult[] }
    if (Array.isArray(arrows)) return arrows
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new CodedError({ code: 'VerdictsInvalid', message: 'these are not the verdicts of idp verify', where, remedy: 'Write the file with: idp verify --output json > FILE' })
}

const every = 1_000

/** Reads the file now and whenever it has changed; one that is not there (yet) is waited for. Problems are told once each. */
export async function followVerdicts(file: string, { clock, signal, onVerdicts, onProblem }: { readonly clock: Clock; readonly signal: AbortSignal; readonly onVerdicts: (verdicts: Verdicts) => void; readonly onProblem: (error: unknown) => void }): Promise<void> {
  let seen = 0
  while (!signal.aborted) {
    const found = await stat(file).catch(() => undefined)
    if (found !== undefined && found.mtimeMs !== seen && found.size > 0) {
      seen = found.mtimeMs
      try {
        onVerdicts({ at: found.mtimeMs, arrows: parseVerdicts(await readFile(file, 'utf8'), file) })
      } catch (error) {
        onProblem(error)
      }
    }
    await sleep(clock, every, signal).catch(() => {})
  }
}
