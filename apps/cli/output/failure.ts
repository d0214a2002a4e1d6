import { isApiError } from '@idp/api'
import { CodedError } from '@idp/kit'
import type { ProgressEvent } from './report.ts'

const red = (text: string, tty: boolean) => (tty ? `\u001b[31m${text}\u001b[0m` : text)

/** The words for a failure on a terminal: what, where, why, what to do; the stack only with `debug`. */
export function failureText(error: unknown, { debug, tty }: { debug: boolean; tty: boolean }): string {
  if (error instanceof CodedError) {
    const lines = [`${red('error', tty)} ${error.code}: ${error.message}`]
    if (error.where !== undefined) lines.push(`  where:  ${error.where}`)
    if (error.remedy !== undefined) lines.push(`  remedy: ${error.remedy}`)
    if (debug && error.stack !== undefined) lines.push(error.stack)
    return lines.join('\n')
  }
  if (isApiError(error)) return `${red('error', tty)} ${error.reason}: ${error.message}`
  const text = error instanceof Error ? (debug ? error.stack ?? error.message : error.message) : String(error)
  return `${red('error', tty)} ${text}${debug ? '' : '\n  remedy: run again with --debug for the stack trace'}`
}

/** The same as one JSON event. */
export function failureEvent(error: unknown): ProgressEvent {
  if (error instanceof CodedError) return { event: 'error', code: error.code, message: error.message, where: error.where, remedy: error.remedy }
  return { event: 'error', code: isApiError(error) ? error.reason : 'Unexpected', message: error instanceof Error ? error.message : String(error) }
}
