import type { Random } from '@idp/kit'
import { builtins } from '../builtins.ts'
import type { FunctionTable } from '../template-set.ts'
import { fn, type GoFunction } from '../value.ts'
import { digestHex } from './digest.ts'
import { deferredCrypto, type SprigHost } from './host.ts'
import { dateFunctions } from './dates.ts'
import { defaultFunctions } from './defaults.ts'
import { dictFunctions, type Changed } from './dicts.ts'
import { encodingFunctions } from './encoding.ts'
import { listFunctions } from './lists.ts'
import { numberFunctions } from './numbers.ts'
import { pathFunctions } from './paths.ts'
import { randomFunctions } from './randoms.ts'
import { regexFunctions } from './regexes.ts'
import { semverFunctions } from './semver.ts'
import { stringFunctions } from './strings.ts'
import { urlFunctions } from './urls.ts'

export interface SprigOptions {
  readonly random: Random
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told of every key of a map that a template is about to change in place; undefined takes it away. */
  readonly changed?: Changed
  /** What the machine gives. */
  readonly host?: SprigHost
  /** Told when a result depends on randomness or the clock. */
  readonly impure?: () => void
}

/**
 * text/template's functions and all of Sprig v3.3 (https://masterminds.github.io/sprig/) as Helm, Argo CD and External Secrets have
 * it: without `env` and `expandenv`, and with a `getHostByName` that asks nobody and answers "".
 */
export function sprigFunctions(options: SprigOptions): Map<string, GoFunction> {
  const impure = options.impure ?? (() => {})
  const crypto = options.host?.crypto?.(options.random, options.now, impure)
  const table: FunctionTable = new Map<string, GoFunction>([
    ...builtins,
    ['hello', fn('', () => 'Hello!')],
    ['getHostByName', fn('string', () => '')],
    ...stringFunctions, ...numberFunctions, ...listFunctions, ...dictFunctions(options.changed ?? (() => {})), ...defaultFunctions, ...encodingFunctions(options.host?.digest ?? digestHex),
    ...pathFunctions, ...regexFunctions, ...semverFunctions, ...urlFunctions,
    ...randomFunctions(options.random, impure), ...dateFunctions(options.now, impure), ...deferredCrypto((name) => crypto?.get(name)),
  ])
  return table as Map<string, GoFunction>
}
