import type { CelOutcome, Subject } from './evaluate-cel.ts'

/** `pass` means that the resource is to be deleted. */
export function deleting({ compiled, evaluated }: Subject): CelOutcome {
  return evaluated.holds(compiled.conditions) ? { verdict: 'pass', message: 'resource matched' } : { verdict: 'fail', message: 'resource did not match' }
}
