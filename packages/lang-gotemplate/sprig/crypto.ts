import type { Random } from '@idp/kit'
import type { GoFunction } from '../value.ts'

export function cryptoFunctions(_random: Random, _now: () => number, _impure: () => void): readonly (readonly [string, GoFunction])[] {
  return []
}
