import { deepEqual, type Json } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'
import { CodedError } from '@idp/kit'
import type { Condition, Conditions } from '../kinds/policy.ts'
import { duration, matchesScalar } from './pattern-operators.ts'
import { substitute, type Scope } from './variables.ts'

/** `any` holds when one does, `all` when each does; a plain list (older form) means `all`. Nothing given holds. */
export function conditionsHold(conditions: Conditions | readonly Condition[] | undefined, scope: Scope, missing: 'error' | 'null' = 'error'): boolean {
  if (conditions === undefined || conditions === null) return true
  // Several any/all blocks in one list: each must hold.
  if (isList(conditions) && conditions.some((one) => 'any' in one || 'all' in one)) return conditions.every((one) => conditionsHold(one as unknown as Conditions, scope, missing))
  const { any, all } = isList(conditions) ? { any: undefined, all: conditions } : conditions
  return (any === undefined || any.length === 0 || any.some((one) => holds(one, scope, missing))) && (all ?? []).every((one) => holds(one, scope, missing))
}

const isList = (conditions: Conditions | readonly Condition[]): conditions is readonly Condition[] => Array.isArray(conditions)

type Operator = (key: Json, value: Json) => boolean

const list = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value])
const equals: Operator = (key, value) => {
  if (typeof key === 'string' && typeof value === 'string') return matchesWildcard(value, key) || (duration(key) !== undefined && duration(key) === duration(value)) || matchesScalar(value, key)
  if (typeof key !== typeof value && (typeof key === 'string' || typeof value === 'string')) return String(key) === String(value)
  return deepEqual(key, value)
}
const isIn = (key: Json, value: Json): boolean => list(value).some((one) => (typeof one === 'string' && typeof key !== 'object' ? matchesWildcard(one, String(key)) || matchesScalar(one, key) : deepEqual(one, key)))
const ordered = (operator: string): Operator => (key, value) => matchesScalar(`${operator}${String(value)}`, key)

const operators: Readonly<Record<string, Operator>> = {
  equals, equal: equals, notequals: (key, value) => !equals(key, value), notequal: (key, value) => !equals(key, value),
  in: (key, value) => list(key).every((one) => isIn(one, value)), notin: (key, value) => !list(key).every((one) => isIn(one, value)),
  anyin: (key, value) => list(key).some((one) => isIn(one, value)), allin: (key, value) => list(key).every((one) => isIn(one, value)),
  anynotin: (key, value) => list(key).some((one) => !isIn(one, value)), allnotin: (key, value) => list(key).every((one) => !isIn(one, value)),
  greaterthan: ordered('>'), greaterthanorequals: ordered('>='), lessthan: ordered('<'), lessthanorequals: ordered('<='),
  durationgreaterthan: ordered('>'), durationgreaterthanorequals: ordered('>='), durationlessthan: ordered('<'), durationlessthanorequals: ordered('<='),
}

function holds(condition: Condition, scope: Scope, missing: 'error' | 'null'): boolean {
  const operator = operators[condition.operator.toLowerCase()]
  if (operator === undefined) throw new CodedError({ code: 'UnknownOperator', message: `'${condition.operator}' is not an operator of conditions`, remedy: 'Use Equals, NotEquals, AnyIn, AllIn, AnyNotIn, AllNotIn, GreaterThan, …' })
  return operator(substitute(condition.key ?? null, scope, { missing }), substitute(condition.value ?? null, scope, { missing }))
}
