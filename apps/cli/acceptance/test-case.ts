import { isCoded, messageOf, type Clock } from '@idp/kit'

export type Suite = 'render' | 'policy' | 'cluster' | 'verify' | 'tests'
export const suites: readonly Suite[] = ['render', 'policy', 'cluster', 'verify', 'tests']

/** One thing that was tried. */
export interface TestCase {
  readonly suite: Suite
  readonly name: string
  readonly status: 'passed' | 'failed' | 'skipped'
  readonly ms: number
  /** Why it failed or was skipped; each line a reason. */
  readonly message?: string
}

/** What, where and what to do, as lines. */
export function reasonOf(error: unknown): string {
  if (!isCoded(error)) return messageOf(error)
  return [`${error.code}: ${error.message}`, ...(error.where === undefined ? [] : [`where: ${error.where}`]), ...(error.remedy === undefined ? [] : [`remedy: ${error.remedy}`])].join('\n')
}

/** Runs one case: it passes unless it throws. */
export async function tryCase(clock: Clock, { suite, name }: Pick<TestCase, 'suite' | 'name'>, run: () => Promise<void>): Promise<TestCase> {
  const began = clock.now()
  try {
    await run()
    return { suite, name, status: 'passed', ms: clock.now() - began }
  } catch (error) {
    return { suite, name, status: 'failed', ms: clock.now() - began, message: reasonOf(error) }
  }
}
