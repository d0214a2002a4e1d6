import { deepEqual, type Json, type JsonObject } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'

/** Names that an assertion tree has bound so far (`->name`, `~name`). */
export type Bindings = Readonly<Record<string, Json>>

/** A key of a tree: `~index.(expression)->name`, each part but the middle optional. `\key\` is the field of that very name. */
interface Key { readonly each: boolean; readonly index: string; readonly field: string; readonly isExpression: boolean; readonly bind: string }

/** How many elements one tree may look at. */
const maxElements = 10_000

/**
 * Holds a value against an assertion tree (kyverno-json; `validate.assert`). Keys are fields, or JMESPath in parentheses; `~` asserts each element, `->name` binds what a key gives to `$name`.
 * Values are compared; a text in parentheses is an expression. Gives what does not hold, each with its path; empty when all does. Throws CodedError `InvalidExpression`, `ExpressionFailed`.
 */
export function assertionProblems(tree: Json, value: Json, bindings: Bindings = {}): string[] {
  return problemsAt({ tree, value, bindings, path: '', root: value, left: { elements: maxElements } })
}

interface At { readonly tree: Json; readonly value: Json; readonly bindings: Bindings; readonly path: string; readonly root: Json; readonly left: { elements: number } }

const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
const shown = (value: Json): string => JSON.stringify(value).slice(0, 200)

function problemsAt(at: At): string[] {
  const { tree, value, path } = at
  if (isMap(tree)) return Object.entries(tree).flatMap(([text, sub]) => keyProblems(at, readKey(text), sub))
  if (Array.isArray(tree)) {
    if (!Array.isArray(value)) return [`${path}: Invalid value: ${shown(value)}: Expected a list`]
    if (value.length !== tree.length) return [`${path}: Invalid value: lengths of slices don't match`]
    return tree.flatMap((sub, index) => problemsAt({ ...at, tree: sub, value: value[index] ?? null, path: `${path}[${index}]` }))
  }
  const wanted = typeof tree === 'string' ? scalar(tree, at) : tree
  return deepEqual(wanted, value) ? [] : [`${path}: Invalid value: ${shown(value)}: Expected value: ${shown(wanted)}`]
}

function keyProblems(at: At, { each, index, field, isExpression, bind }: Key, tree: Json): string[] {
  const path = at.path === '' ? field : `${at.path}.${field}`
  const found = isExpression ? evaluate(field.slice(1, -1), at.value, at.bindings) : isMap(at.value) && Object.hasOwn(at.value, field) ? at.value[field] : undefined
  if (found === undefined) return [`${path}: Required value: field not found in the input object`]
  const value = found ?? null
  const bindings = bind === '' ? at.bindings : { ...at.bindings, [bind]: value }
  if (!each) return problemsAt({ ...at, tree, value, bindings, path })
  if (typeof value !== 'object' || value === null) return [`${path}: Invalid value: ${shown(value)}: Expected a list or a map`]
  return (Array.isArray(value) ? value.map((one, number): [Json, Json] => [number, one]) : Object.entries(value)).flatMap(([key, element]) => {
    if (--at.left.elements < 0) return [`${path}: more than ${maxElements} elements`]
    return problemsAt({ ...at, tree, value: element, bindings: index === '' ? bindings : { ...bindings, [index]: key }, path: `${path}[${String(key)}]` })
  })
}

/** `(expression)` sees the whole value; anything else is itself. */
function scalar(text: string, { root, bindings }: At): Json {
  const inner = /^\((.*)\)$/s.exec(text)?.[1]
  return inner === undefined ? /^\\(.*)\\$/s.exec(text)?.[1] ?? text : evaluate(inner, root, bindings)
}

function readKey(text: string): Key {
  const [, tilde, index = '', body = text, bind = ''] = /^(?:(~)(\w*)\.?)?(.*?)(?:->(\w+))?$/s.exec(text) ?? []
  const escaped = /^\\(.*)\\$/s.exec(body)?.[1]
  return { each: tilde !== undefined, index, field: escaped ?? body, isExpression: escaped === undefined && /^\(.*\)$/s.test(body), bind }
}

/** Bound names are constants of the expression. */
function evaluate(expression: string, value: Json, bindings: Bindings): Json {
  const used = Object.keys(bindings).filter((name) => new RegExp(`\\$${name}\\b`).test(expression))
  const lets = used.map((name) => `$${name} = \`${JSON.stringify(bindings[name]).replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``).join(', ')
  return jmesPath(used.length === 0 ? expression : `let ${lets} in (${expression})`).evaluate(value)
}
