import type { GoFunction } from '../value.ts'
import { sprigFunctions as pure, type SprigOptions } from '../sprig/table.ts'
import { nodeSprigHost } from './sprig-host.ts'

/** Sprig's functions with Node's cryptography; see {@link pure}. */
export function sprigFunctions(options: SprigOptions): Map<string, GoFunction> {
  return pure({ host: nodeSprigHost, ...options })
}
