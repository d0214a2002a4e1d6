import type { Clock } from '@idp/kit'
import type { ProbeSpec } from './pod-spec.ts'
import type { ProbeResult } from './probe.ts'

export type ProbeKind = 'startup' | 'liveness' | 'readiness'

/** Runs the probes of one running container until it is disposed. */
export interface Prober extends Disposable {
  /** Something happened that may have made the container ready (a port opened): looks at once. */
  hurry(): void
  /** The startup probe has passed (or there is none): liveness and readiness begin. */
  readonly started: boolean
  readonly ready: boolean
}

export interface ProberOptions {
  readonly clock: Clock
  readonly probes: Readonly<Partial<Record<ProbeKind, ProbeSpec>>>
  run(kind: ProbeKind, probe: ProbeSpec, timeoutMs: number): Promise<ProbeResult>
  /** `started` or `ready` has changed. */
  changed(): void
  /** A probe failed; each failure, as kubelet's Unhealthy events. */
  failed(kind: ProbeKind, message: string): void
  /** Liveness or startup failed often enough: the container must be restarted. */
  unhealthy(kind: ProbeKind, message: string): void
}

/** Looks again after these, beside the regular ticks, until a container that has just started is ready. A failure then counts for nothing. */
const eagerMs = [50, 100, 200, 400, 800, 1_600, 3_200]

interface Row { readonly kind: ProbeKind; readonly spec: ProbeSpec; timer: Disposable | undefined; eager: Disposable | undefined; running: boolean; again: boolean; successes: number; failures: number; tries: number }

/**
 * Probes with kubelet's timing: nothing before `initialDelaySeconds`, then every `periodSeconds`, `failureThreshold` and
 * `successThreshold` in a row. Programs start in milliseconds, so a container that is not ready yet is also looked at in
 * between; only its success counts. So it is with the look at the very moment of the start, before the program can have done anything.
 */
export function createProber(options: ProberOptions): Prober {
  const { clock, probes } = options
  const begun = clock.now()
  const rows = new Map<ProbeKind, Row>()
  let disposed = false
  let started = probes.startup === undefined
  let ready = started && probes.readiness === undefined

  const begin = (kind: ProbeKind) => {
    const spec = probes[kind]
    if (spec === undefined || disposed) return
    const row: Row = { kind, spec, timer: undefined, eager: undefined, running: false, again: false, successes: 0, failures: 0, tries: 0 }
    rows.set(kind, row)
    const wait = begun + (spec.initialDelaySeconds ?? 0) * 1_000 - clock.now()
    if (wait > 0) {
      row.timer = clock.timer(wait, () => void tick(row, true))
      return
    }
    schedule(row)
    void tick(row, clock.now() > begun)
  }
  const end = (row: Row) => {
    row.timer?.[Symbol.dispose]()
    row.eager?.[Symbol.dispose]()
    rows.delete(row.kind)
  }
  const schedule = (row: Row) => {
    if (disposed || !rows.has(row.kind)) return
    row.timer?.[Symbol.dispose]()
    row.timer = clock.timer((row.spec.periodSeconds ?? 10) * 1_000, () => void tick(row, true))
  }
  const waiting = (row: Row) => (row.kind === 'startup' ? !started : row.kind === 'readiness' && !ready)
  const beEager = (row: Row) => {
    row.eager?.[Symbol.dispose]()
    const ms = eagerMs[row.tries++]
    if (ms !== undefined && waiting(row) && rows.has(row.kind)) row.eager = clock.timer(ms, () => void tick(row, false))
  }
  const tick = async (row: Row, counts: boolean) => {
    if (row.running) {
      row.again = true
      return
    }
    row.running = true
    if (counts) schedule(row)
    const result = await options.run(row.kind, row.spec, (row.spec.timeoutSeconds ?? 1) * 1_000)
    row.running = false
    if (disposed || !rows.has(row.kind)) return
    if (result.ok) onSuccess(row)
    else if (counts) onFailure(row, result.message)
    if (!result.ok && waiting(row)) {
      if (row.again) void tick(row, false)
      else beEager(row)
    }
    row.again = false
  }
  const onSuccess = (row: Row) => {
    row.failures = 0
    row.successes++
    if (row.successes < (row.spec.successThreshold ?? 1)) return
    if (row.kind === 'startup') {
      end(row)
      started = true
      ready = probes.readiness === undefined
      options.changed()
      begin('liveness')
      begin('readiness')
    } else if (row.kind === 'readiness' && !ready) {
      ready = true
      options.changed()
    }
  }
  const onFailure = (row: Row, message: string) => {
    row.successes = 0
    row.failures++
    options.failed(row.kind, message)
    if (row.failures < (row.spec.failureThreshold ?? 3)) return
    if (row.kind === 'readiness') {
      if (ready) {
        ready = false
        options.changed()
      }
      return
    }
    for (const other of rows.values()) end(other)
    options.unhealthy(row.kind, message)
  }

  if (started) {
    begin('liveness')
    begin('readiness')
  } else begin('startup')
  return {
    get started() { return started },
    get ready() { return ready },
    hurry() {
      for (const row of rows.values()) if (waiting(row) && clock.now() >= begun + (row.spec.initialDelaySeconds ?? 0) * 1_000) void tick(row, false)
    },
    [Symbol.dispose]() {
      disposed = true
      for (const row of rows.values()) end(row)
    },
  }
}
