import { deepEqual, type Json } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'
import { CodedError } from '@idp/kit'
import { interned } from './intern.ts'
import type { Condition, Conditions } from '../kinds/policy.ts'
import { compareScalars, matchesScalar } from './pattern-operators.ts'
import { templateOf, type Scope } from './variables.ts'

type Missing = 'error' | 'null'
export type ConditionsTest = (scope: Scope, missing: Missing) => boolean
type Given = Conditions | readonly Condition[]

/** `any` holds when one does, `all` when each does; a plain list (older form) means `all`. Nothing given holds. */
export function conditionsHold(conditions: Given | undefined, scope: Scope, missing: Missing = 'error'): boolean {
  return conditionsTest(conditions)(scope, missing)
}

/** Conditions that have been read; judging again costs no parsing. */
export function conditionsTest(conditions: Given | undefined): ConditionsTest {
  if (conditions === undefined || conditions === null) return () => true
  return readConditions(conditions)
}

function testOf(conditions: Given): ConditionsTest {
  // Several any/all blocks in one list: each must hold.
  if (isList(conditions) && conditions.some((one) => 'any' in one || 'all' in one)) {
    const blocks = conditions.map((one) => testOf(one as unknown as Conditions))
    return (scope, missing) => blocks.every((block) => block(scope, missing))
  }
  const { any, all } = isList(conditions) ? { any: undefined, all: conditions } : conditions
  const [some, each] = [(any ?? []).map((one) => conditionTest(one)), (all ?? []).map((one) => conditionTest(one))]
  return (scope, missing) => (some.length === 0 || some.some((one) => one(scope, missing))) && each.every((one) => one(scope, missing))
}

const isList = (conditions: Given): conditions is readonly Condition[] => Array.isArray(conditions)

const readConditions = interned(testOf)

type Operator = (key: Json, value: Json) => boolean

const equals: Operator = (key, value) => {
  if (typeof key === 'string' && (typeof value === 'string' || typeof value === 'number')) {
    if (typeof value === 'string' && matchesWildcard(value, key)) return true
    const order = compareScalars(key, value)
    return order === 0
  }
  if (typeof key === 'number' && typeof value === 'string') return value.trim() !== '' && Number(value) === key
  return deepEqual(key, value)
}
/** Null has no type: no operator holds for it, negated ones included. */
const known = (operator: Operator): Operator => (key, value) => key !== null && operator(key, value)

const range = /^[-+]?[\d.]+\w*\s*!?-\s*[-+]?[\d.]+\w*$/
const textOf = (value: Json): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** Whether a key is one of the values: wildcards on either side, a range (`1-5`), or a list written as JSON text (as ConfigMaps hold them). */
function isIn(key: Json, value: Json): boolean {
  const text = textOf(key)
  if (Array.isArray(value)) return value.some((one) => matchesWildcard(textOf(one), text) || matchesWildcard(text, textOf(one)))
  if (typeof value !== 'string') return textOf(value) === text
  if (matchesWildcard(value, text)) return true
  if (range.test(value)) return matchesScalar(value, typeof key === 'object' ? text : key)
  const listed = listIn(value)
  return listed !== undefined && listed.includes(text)
}

function listIn(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    const read = JSON.parse(text) as Json
    return Array.isArray(read) ? read.map(textOf) : undefined
  } catch {
    return undefined // not JSON: a plain string
  }
}

/** `quantified` says how many of the keys must satisfy; a single key is a list of one. Values that are neither text, number nor list hold nothing. */
const membership = (quantified: (keys: readonly Json[], inValue: (key: Json) => boolean) => boolean): Operator => (key, value) => {
  if (key === null || value === null || (typeof key === 'object' && !Array.isArray(key)) || (typeof value === 'object' && !Array.isArray(value))) return false
  return quantified(Array.isArray(key) ? key : [key], (one) => isIn(one, value))
}
const ordered = (operator: string): Operator => (key, value) => matchesScalar(`${operator}${String(value)}`, key)

const operators: Readonly<Record<string, Operator>> = {
  equals: known(equals), equal: known(equals), notequals: known((key, value) => !equals(key, value)), notequal: known((key, value) => !equals(key, value)),
  in: membership((keys, has) => keys.every(has)), allin: membership((keys, has) => keys.every(has)),
  notin: membership((keys, has) => !keys.every(has)), anynotin: membership((keys, has) => keys.some((key) => !has(key))),
  anyin: membership((keys, has) => keys.some(has)), allnotin: membership((keys, has) => keys.every((key) => !has(key))),
  greaterthan: ordered('>'), greaterthanorequals: ordered('>='), lessthan: ordered('<'), lessthanorequals: ordered('<='),
  durationgreaterthan: ordered('>'), durationgreaterthanorequals: ordered('>='), durationlessthan: ordered('<'), durationlessthanorequals: ordered('<='),
}

/** Whether conditions can be written with an operator. */
export const knownOperator = (operator: string): boolean => Object.hasOwn(operators, operator.toLowerCase())

const conditionTest = interned((condition: Condition): ConditionsTest => {
  const operator = operators[condition.operator?.toLowerCase() ?? '']
  const [key, value] = [templateOf(condition.key ?? null), templateOf(condition.value ?? null)]
  return (scope, missing) => {
    if (operator === undefined) throw new CodedError({ code: 'UnknownOperator', message: `'${condition.operator}' is not an operator of conditions`, remedy: 'Use Equals, NotEquals, AnyIn, AllIn, AnyNotIn, AllNotIn, GreaterThan, …' })
    return operator(key(scope, missing), value(scope, missing))
  }
})
