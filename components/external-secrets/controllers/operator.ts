import type { Clock, Random } from '@idp/kit'
import type { FetchOptions } from '@idp/sandbox'
import type { TemplateEngine } from '../engine/apply-template.ts'
import type { Metrics } from '../engine/metrics.ts'
import type { Dial, Provider } from '../providers/provider.ts'

/** What the control loops share. */
export interface Operator {
  readonly providers: ReadonlyMap<string, Provider>
  readonly engine: TemplateEngine
  readonly metrics: Metrics
  readonly clock: Clock
  readonly random: Random
  fetch(url: string, options?: FetchOptions): Promise<Response>
  readonly dial?: Dial | undefined
  ownToken(): Promise<string>
}
