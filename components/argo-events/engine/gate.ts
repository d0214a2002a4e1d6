import { CodedError } from '@idp/kit'
import type { CloudEvent } from '../kinds/events.ts'

/** Collects events for a trigger until its condition over the names of dependencies holds. */
export interface Gate {
  /** Takes an event of a dependency; gives all events when the condition holds with it, and begins anew. */
  take(dependency: string, event: CloudEvent): ReadonlyMap<string, CloudEvent> | undefined
}

/** @param condition `a && (b || c)`; all dependencies by default. Throws CodedError `InvalidCondition`. */
export function createGate(condition: string | undefined, dependencies: readonly string[]): Gate {
  const text = condition === undefined || condition === '' ? dependencies.join(' && ') : condition
  const concerned = new Set(text.match(/[\w][\w.-]*/g) ?? [])
  for (const name of concerned) if (!dependencies.includes(name)) throw new CodedError({ code: 'InvalidCondition', message: `the condition names ${name}, which is no dependency`, where: text })
  holds(text, () => false)
  const held = new Map<string, CloudEvent>()
  return {
    take(dependency, event) {
      if (!concerned.has(dependency)) return undefined
      held.set(dependency, event)
      if (!holds(text, (name) => held.has(name))) return undefined
      const events = new Map(held)
      held.clear()
      return events
    },
  }
}

/** Names, `&&`, `||`, `!` and parentheses. */
function holds(text: string, has: (name: string) => boolean): boolean {
  const tokens = text.match(/&&|\|\||[!()]|[\w][\w.-]*|\S/g) ?? []
  let at = 0
  const bad = (): CodedError => new CodedError({ code: 'InvalidCondition', message: `unexpected ${tokens[at] ?? 'end'}`, where: text })
  function one(): boolean {
    const token = tokens[at++]
    if (token === '!') return !one()
    if (token === '(') { const value = either(); if (tokens[at++] !== ')') { at--; throw bad() } return value }
    if (token === undefined || !/^\w/.test(token)) { at--; throw bad() }
    return has(token)
  }
  function both(): boolean {
    let value = one()
    while (tokens[at] === '&&') { at++; const next = one(); value = value && next }
    return value
  }
  function either(): boolean {
    let value = both()
    while (tokens[at] === '||') { at++; const next = both(); value = value || next }
    return value
  }
  const value = either()
  if (at < tokens.length) throw bad()
  return value
}
