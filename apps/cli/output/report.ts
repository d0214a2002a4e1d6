/** One event of long work, a line of `--output json`. */
export interface ProgressEvent {
  readonly event: 'step' | 'waiting' | 'summary' | 'error' | 'notice'
  readonly name?: string
  readonly state?: 'running' | 'done' | 'failed'
  readonly message?: string
  readonly ms?: number
  readonly [field: string]: unknown
}

/** Where a command tells what it does and what came of it. */
export interface Report {
  readonly json: boolean
  event(event: ProgressEvent): void
  /** The result, once, as text or as JSON. */
  result(text: string, data: unknown): void
}

/** JSON lines on `write`. */
export function jsonReport(write: (text: string) => void): Report {
  return {
    json: true,
    event: (event) => write(`${JSON.stringify(event)}\n`),
    result: (_text, data) => write(`${JSON.stringify(data)}\n`),
  }
}
