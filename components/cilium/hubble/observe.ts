import { compileFilters, type FlowFilter, type FlowMatch } from './flow-filter.ts'
import type { FlowRing } from './flow-ring.ts'
import type { Flow } from './flow.ts'

/** Message observer.GetFlowsRequest, in JSON form. */
export interface GetFlowsRequest {
  readonly number?: string | number
  readonly first?: boolean
  readonly follow?: boolean
  readonly whitelist?: readonly FlowFilter[]
  readonly blacklist?: readonly FlowFilter[]
  readonly since?: string
  readonly until?: string
}

/** Flows that a request asks for, oldest first; with `follow` those to come until the signal aborts. @throws Error for a bad filter */
export async function* observe(ring: FlowRing, request: GetFlowsRequest, signal: AbortSignal): AsyncGenerator<Flow> {
  const matches = compileFilters(request.whitelist ?? [], request.blacklist ?? [])
  const queue: Flow[] = []
  let wake = () => {}
  using _following = request.follow === true ? ring.follow((flow) => {
    if (!matches(flow)) return
    queue.push(flow)
    // A reader that is too slow loses the oldest, as with upstream's ring.
    if (queue.length > ring.capacity) queue.shift()
    wake()
  }) : undefined
  yield* recorded(ring, request, matches)
  if (request.follow !== true) return
  signal.addEventListener('abort', () => wake(), { once: true })
  while (!signal.aborted) {
    const next = queue.shift()
    if (next !== undefined) yield next
    else await new Promise<void>((resolve) => { wake = resolve })
  }
}

function recorded(ring: FlowRing, { number, first = false, follow = false, since, until }: GetFlowsRequest, matches: FlowMatch): Flow[] {
  const from = since === undefined ? -Infinity : Date.parse(since)
  const to = until === undefined ? Infinity : Date.parse(until)
  const wanted = (flow: Flow) => flow.time >= from && flow.time <= to && matches(flow)
  // Neither number nor time: everything, or with `follow` nothing of before.
  const most = Number(number ?? 0) > 0 ? Number(number) : since === undefined && until === undefined && follow ? 0 : Infinity
  const found: Flow[] = []
  if (most === 0) return found
  for (const flow of first ? ring.all() : ring.backwards()) {
    if (wanted(flow)) found.push(flow)
    if (found.length >= most) break
  }
  return first ? found : found.reverse()
}
