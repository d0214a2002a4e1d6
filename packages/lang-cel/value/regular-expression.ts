import { RE2JS, RE2JSException } from 're2js'
import { CelFault } from './fault.ts'

const limit = 500
const cache = new Map<string, RE2JS | string>()

/** The compiled pattern, of RE2: linear time whatever the pattern is. Refuses what is none in Go's words. */
export function regularExpression(pattern: string): RE2JS {
  let found = cache.get(pattern)
  if (found === undefined) {
    try {
      found = RE2JS.compile(pattern)
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error
      found = error.message
    }
    if (cache.size >= limit) cache.clear()
    cache.set(pattern, found)
  }
  if (typeof found === 'string') throw new CelFault(found)
  return found
}
