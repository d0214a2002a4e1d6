import { RE2JS } from 're2js'

const cache = new Map<string, (text: string) => boolean>()

/** What JavaScript understands otherwise than RE2, or not at all. */
const unlike = /\(\?(?!:)|\\[^./+*?()[\]{}|^$\\dDwWsSfnrtv-]|\[\^?\]|\{\d{4,}|\{\d*,\d{4,}/

/**
 * Throws what is wrong with a pattern that is not RE2. Patterns in the large common part of RE2 and JavaScript's regular expressions are
 * judged by the engine's own parser, which takes microseconds; all else is compiled.
 */
export function checkPattern(pattern: string): void {
  // RE2 bounds counted repetitions together, also one inside another.
  const repeats = pattern.indexOf('{') !== pattern.lastIndexOf('{')
  if (!repeats && !unlike.test(pattern) && isRegularExpression(pattern)) return
  compilePattern(pattern)
}

/** In the strict syntax, in which nothing odd passes as literal text. */
function isRegularExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp
  } catch {
    return false
  }
}

/** Compiles an RE2 pattern that may match anywhere in the text; throws re2js's error when it is not RE2. Time is linear in the text. */
export function compilePattern(pattern: string): (text: string) => boolean {
  let test = cache.get(pattern)
  if (test) return test
  const compiled = RE2JS.compile(pattern)
  test = (text) => compiled.matcher(text).find()
  if (cache.size > 2000) cache.clear()
  cache.set(pattern, test)
  return test
}
