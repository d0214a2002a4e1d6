import { CodedError, messageOf } from '@idp/kit'
import { RE2JS } from 're2js'
import type { Labels } from './labels.ts'

export type MatchOperator = '=' | '!=' | '=~' | '!~'

export interface Matcher {
  readonly label: string
  readonly op: MatchOperator
  readonly value: string
  /** Whether a label value (empty: the label is absent) is wanted. */
  readonly matches: (value: string) => boolean
}

/** Throws CodedError `InvalidRegex`. Regular expressions are RE2's and hold for the whole value. */
export function matcher(label: string, op: MatchOperator, value: string): Matcher {
  if (op === '=') return { label, op, value, matches: (text) => text === value }
  if (op === '!=') return { label, op, value, matches: (text) => text !== value }
  const test = wholeMatch(value)
  return { label, op, value, matches: op === '=~' ? test : (text) => !test(text) }
}

/** `^(?s:…)$`: alternatives of plain words are compared as words, which is what most selectors are. */
export function wholeMatch(expression: string): (text: string) => boolean {
  if (/^[\w/ -]+(\|[\w/ -]*)*$/.test(expression)) {
    const words = new Set(expression.split('|'))
    return (text) => words.has(text)
  }
  if (expression === '.*') return () => true
  if (expression === '.+') return (text) => text !== ''
  const pattern = compileRegex(expression)
  return (text) => pattern.testExact(text)
}

/** A compiled RE2 expression in which `.` matches line ends too. Throws CodedError `InvalidRegex`. */
export function compileRegex(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression, RE2JS.DOTALL)
  } catch (error) {
    throw new CodedError({ code: 'InvalidRegex', message: `error parsing regexp: ${messageOf(error)}`, cause: error })
  }
}

export function matchesAll(labels: Labels, matchers: readonly Matcher[]): boolean {
  return matchers.every(({ label, matches }) => matches(labels[label] ?? ''))
}
