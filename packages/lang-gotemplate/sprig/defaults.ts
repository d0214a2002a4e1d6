import { GoError } from '../go-error.ts'
import { fromJson, toJson } from '../json.ts'
import { noteTruth, readsNothing, readsTruth } from '../reads.ts'
import { deepEqual, fn, isTrue, kindOf, reading, typeOf, type GoFunction } from '../value.ts'

/** Defaults, JSON and questions about types. */
export const defaultFunctions: readonly (readonly [string, GoFunction])[] = [
  ['default', reading((reads, args) => noteTruth(reads, args[1]), fn('any ...any', (fallback: unknown, ...given: unknown[]) => (given.length > 0 && isTrue(given[0]) ? given[0] : fallback)))],
  ['empty', reading(readsTruth, fn('any', (value: unknown) => !isTrue(value)))],
  ['coalesce', reading(readsTruth, fn('...any', (...values: unknown[]) => values.find(isTrue) ?? null))],
  ['all', reading(readsTruth, fn('...any', (...values: unknown[]) => values.every(isTrue)))],
  ['any', reading(readsTruth, fn('...any', (...values: unknown[]) => values.some(isTrue)))],
  ['ternary', reading(readsNothing, fn('any any bool', (yes: unknown, no: unknown, test: boolean) => (test ? yes : no)))],
  ['fail', fn('string', (message: string) => { throw new GoError(message) })],
  ['typeOf', reading(readsNothing, fn('any', typeOf))],
  ['typeIs', reading(readsNothing, fn('string any', (type: string, value: unknown) => typeOf(value) === type))],
  ['typeIsLike', fn('string any', (type: string, value: unknown) => typeOf(value) === type || typeOf(value) === `*${type}`)],
  ['kindOf', reading(readsNothing, fn('any', kindOf))],
  ['kindIs', reading(readsNothing, fn('string any', (kind: string, value: unknown) => kindOf(value) === kind))],
  ['deepEqual', fn('any any', deepEqual)],
  ['fromJson', fn('string', (text: string) => orEmpty(() => fromJson(text), null))],
  ['mustFromJson', fn('string', fromJson)],
  ['toJson', fn('any', (value: unknown) => orEmpty(() => toJson(value), ''))],
  ['mustToJson', fn('any', (value: unknown) => toJson(value))],
  ['toPrettyJson', fn('any', (value: unknown) => orEmpty(() => toJson(value, { indent: '  ' }), ''))],
  ['mustToPrettyJson', fn('any', (value: unknown) => toJson(value, { indent: '  ' }))],
  ['toRawJson', fn('any', (value: unknown) => toJson(value, { escapeHtml: false }))],
  ['mustToRawJson', fn('any', (value: unknown) => toJson(value, { escapeHtml: false }))],
]

/** Sprig swallows errors of the forms without must. */
function orEmpty(run: () => unknown, empty: unknown): unknown {
  try {
    return run()
  } catch (error) {
    if (error instanceof GoError) return empty
    throw error
  }
}
