import type { Json, JsonObject } from '@idp/formats'
import type { ContextEntry, Conditions, Condition } from '../kinds/policy.ts'
import { conditionsHold } from './conditions.ts'
import { withContext, type ContextSource } from './context.ts'
import { expressionOf } from './expression.ts'
import { chain, firstResult, type MaybePromise } from './maybe-promise.ts'
import type { Scope } from './variables.ts'

/** One entry of a rule's `foreach`, with what it does to each element of its list. */
export interface Foreach {
  readonly list: string
  readonly elementScope?: boolean
  readonly order?: 'Ascending' | 'Descending'
  readonly context?: readonly ContextEntry[]
  readonly preconditions?: Conditions | readonly Condition[]
  readonly foreach?: readonly Foreach[]
  readonly [field: string]: unknown
}

/** How many elements one rule may look at: a policy cannot hold the engine with nested lists. */
const maxElements = 10_000

/** Calls `visit` for every element whose preconditions hold, with `element`, `elementIndex` and those of the lists around it; stops when it gives a value. */
export function eachElement<T>(entry: Foreach, scope: Scope, { source, level = 0 }: { readonly source: ContextSource; readonly level?: number }, visit: (scope: Scope, element: Json) => MaybePromise<T | undefined>): MaybePromise<T | undefined> {
  const found = expressionOf(entry.list.replace(/^\s*\{\{(.*)\}\}\s*$/s, '$1').trim())(scope as JsonObject)
  const elements = Array.isArray(found) ? found : found === null ? [] : typeof found === 'object' ? Object.entries(found).map(([key, value]): Json => ({ key, value })) : [found]
  const numbered = elements.slice(0, maxElements).map((element, index) => ({ element, index }))
  if (entry.order === 'Descending') numbered.reverse()
  return firstResult(numbered.length, (at) => {
    const { element, index } = numbered[at] ?? { element: null, index: 0 }
    if (element === null) return undefined
    const own = { ...scope, element, elementIndex: index, [`element${level}`]: element, [`elementIndex${level}`]: index }
    return chain(withContext(entry.context ?? [], own, source), (inner) => (conditionsHold(entry.preconditions, inner, 'null') ? visit(inner, element) : undefined))
  })
}
