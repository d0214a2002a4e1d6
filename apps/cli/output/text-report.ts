import type { ProgressEvent, Report } from './report.ts'

export interface TextReportOptions {
  readonly write: (text: string) => void
  /** A terminal: the line that says what is waited for is rewritten in place. */
  readonly tty: boolean
  readonly columns: number
  readonly colour: boolean
}

/** Progress for people: a line for each finished step, and on a terminal one changing line for what is under way. */
export function textReport({ write, tty, columns, colour }: TextReportOptions): Report {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  let transient = false
  const clear = () => {
    if (transient) write('\r\u001b[2K')
    transient = false
  }
  const line = (text: string) => {
    clear()
    write(`${text}\n`)
  }
  const doing = (text: string) => {
    if (!tty) return
    clear()
    write(paint(90, text.length > columns - 1 ? `${text.slice(0, columns - 2)}…` : text))
    transient = true
  }
  const show: Record<ProgressEvent['event'], (event: ProgressEvent) => void> = {
    step({ name = '', state, message, ms }) {
      if (state === 'running') doing(`  ${name} …`)
      else line(`${state === 'done' ? paint(32, '✓') : paint(31, '✗')} ${(message === undefined ? name : `${name}: ${message}`).padEnd(60)} ${ms === undefined ? '' : paint(90, `${(ms / 1000).toFixed(1)} s`)}`.trimEnd())
    },
    waiting: ({ message = '' }) => doing(`  waiting for ${message}`),
    notice: ({ message = '' }) => line(message),
    error: ({ message = '' }) => line(`${paint(31, '✗')} ${message}`),
    summary: clear,
  }
  return {
    json: false,
    event: (event) => show[event.event](event),
    result: (text) => line(text),
  }
}
