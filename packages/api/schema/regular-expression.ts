import { RE2JS } from 're2js'

const cache = new Map<string, (text: string) => boolean>()

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
