import type { GoFunction } from '../value.ts'

export function dateFunctions(_now: () => number, _impure: () => void): readonly (readonly [string, GoFunction])[] {
  return []
}
