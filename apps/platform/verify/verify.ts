import { messageOf } from '@idp/kit'
import type { Arrow, Diagram } from './diagram.ts'
import { Simulated, type ArrowResult, type Check, type Verdict, type VerifyContext } from './check.ts'

export interface VerifyOptions {
  readonly checks: Readonly<Record<string, Check>>
  /** How many arrows are looked at once; 8 by default. */
  readonly parallel?: number
  /** Milliseconds one arrow may take; 20 s by default. */
  readonly timeoutMs?: number
  readonly onResult?: (result: ArrowResult) => void
}

/** Proves every arrow of every diagram; results in the diagrams' order. Never throws for an arrow: its verdict says so. */
export async function verify(diagrams: readonly Diagram[], context: VerifyContext, options: VerifyOptions): Promise<ArrowResult[]> {
  const rows = diagrams.flatMap((diagram) => diagram.arrows.map((arrow) => ({ diagram, arrow })))
  const results: ArrowResult[] = []
  let next = 0
  const work = async () => {
    for (let index = next++; index < rows.length; index = next++) {
      const { diagram, arrow } = rows[index] as (typeof rows)[number]
      const started = context.clock.now()
      const { verdict, evidence } = await judge(arrow, context, options)
      const result: ArrowResult = { diagram: diagram.name, from: arrow.from, to: arrow.to, label: (arrow.label ?? '').replaceAll('\n', ' '), verdict, evidence, ms: context.clock.now() - started }
      results[index] = result
      options.onResult?.(result)
    }
  }
  await Promise.all(Array.from({ length: options.parallel ?? 8 }, work))
  return results
}

async function judge(arrow: Arrow, context: VerifyContext, { checks, timeoutMs = 20_000 }: VerifyOptions): Promise<{ verdict: Verdict; evidence: string }> {
  if (arrow.check === undefined) return { verdict: 'not proven', evidence: 'no check has been written for this arrow yet' }
  const check = checks[arrow.check]
  if (check === undefined) return { verdict: 'failed', evidence: `there is no check called '${arrow.check}'` }
  const late = Promise.withResolvers<never>()
  const timer = context.clock.timer(timeoutMs, () => late.reject(new Error(`no effect seen within ${timeoutMs / 1000} s`)))
  try {
    return { verdict: 'proven', evidence: await Promise.race([check(context, arrow.with ?? {}), late.promise]) }
  } catch (error) {
    return { verdict: error instanceof Simulated ? 'not proven' : 'failed', evidence: messageOf(error) }
  } finally {
    timer[Symbol.dispose]()
  }
}
