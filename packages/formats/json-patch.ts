import { CodedError } from '@idp/kit'
import { cloneJson } from './clone-json.ts'
import { deepEqual } from './deep-equal.ts'
import { parsePointer } from './json-pointer.ts'
import type { Json, JsonObject } from './kube-object.ts'
import { setMember } from './set-member.ts'

/** One operation of RFC 6902. */
export interface JsonPatchOperation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: Json
}

export interface JsonPatchOptions {
  /**
   * `rfc6902`: to the letter. `kubernetes` (default): as the library behind the API server and kustomize applies patches: `replace` of a
   * missing member adds it, `test` against null holds for a missing one, a missing `value` is null, negative indices count from the end.
   */
  readonly dialect?: 'rfc6902' | 'kubernetes'
  /** `remove` of something that is not there does nothing. Default false. */
  readonly allowMissingOnRemove?: boolean
  /** `add` creates missing parents. Default false. */
  readonly ensurePathOnAdd?: boolean
  /** Limit of operations (the API server accepts 10,000). */
  readonly maxOperations?: number
}

/**
 * Applies a JSON patch. The input is not changed; a patch that fails leaves no trace.
 * @throws CodedError `InvalidPatch` for a malformed operation, `PatchFailed` for one that does not apply, `PatchTestFailed` for a `test`
 * that does not hold; `where` is the operation's index and path.
 */
export function applyJsonPatch(document: Json, operations: readonly JsonPatchOperation[], options: JsonPatchOptions = {}): Json {
  const max = options.maxOperations ?? 10_000
  if (operations.length > max) throw new CodedError({ code: 'InvalidPatch', message: `the patch has ${operations.length} operations, allowed are ${max}` })
  const root: Root = { value: cloneJson(document) }
  operations.forEach((operation, index) => applyOne({ root, operation, index, options, lenient: (options.dialect ?? 'kubernetes') === 'kubernetes' }))
  return root.value
}

interface Root { value: Json }
interface Step {
  readonly root: Root
  readonly operation: JsonPatchOperation
  readonly index: number
  readonly options: JsonPatchOptions
  readonly lenient: boolean
}

function applyOne(step: Step): void {
  const { operation } = step
  if (typeof operation !== 'object' || operation === null || typeof operation.op !== 'string' || typeof operation.path !== 'string') {
    throw failure(step, 'InvalidPatch', 'a patch operation needs "op" and "path"')
  }
  const tokens = pointer(step, operation.path)
  switch (operation.op) {
    case 'add': return add(step, tokens, cloneJson(valueOf(step)))
    case 'remove': return void remove(step, tokens)
    case 'replace': return replace(step, tokens, cloneJson(valueOf(step)))
    case 'move': return move(step, tokens)
    case 'copy': {
      const found = get(step, fromOf(step))
      if (found === undefined && !step.lenient) throw failure(step, 'PatchFailed', `nothing to copy at ${operation.from}`)
      return add(step, tokens, cloneJson(found ?? null))
    }
    case 'test': return test(step, tokens)
    default: throw failure(step, 'InvalidPatch', `unknown patch operation ${JSON.stringify(operation.op)}`)
  }
}

function move(step: Step, tokens: string[]): void {
  const from = fromOf(step)
  if (tokens.length > from.length && from.every((token, i) => token === tokens[i])) throw failure(step, 'PatchFailed', 'cannot move a value into itself')
  if (step.operation.from === step.operation.path && get(step, from) !== undefined) return
  add(step, tokens, remove(step, from) ?? null)
}

function test(step: Step, tokens: string[]): void {
  const wanted = valueOf(step)
  const found = get(step, tokens)
  if (found === undefined && step.lenient && wanted === null) return
  if (found === undefined || !deepEqual(found, wanted)) throw failure(step, 'PatchTestFailed', `testing value ${step.operation.path} failed`)
}

function add(step: Step, tokens: string[], value: Json): void {
  const key = tokens.at(-1)
  if (key === undefined) {
    // The library behind the API server replaces a whole document but does not add one.
    if (step.lenient) throw missingParent(step)
    step.root.value = value
    return
  }
  const parent = parentOf(step, tokens, step.options.ensurePathOnAdd === true)
  if (!Array.isArray(parent)) return setMember(parent, key, value)
  if (key === '-') { parent.push(value); return }
  parent.splice(indexIn(step, key, parent.length + 1), 0, value)
}

function remove(step: Step, tokens: string[]): Json | undefined {
  const key = tokens.at(-1)
  if (key === undefined) throw failure(step, 'PatchFailed', 'cannot remove the whole document')
  const tolerant = step.options.allowMissingOnRemove === true
  const parent = container(step, tokens)
  if (parent === undefined) {
    if (tolerant) return undefined
    throw missingParent(step)
  }
  if (Array.isArray(parent)) {
    if (tolerant && Number(key) >= parent.length) return undefined
    return parent.splice(indexIn(step, key, parent.length), 1)[0]
  }
  const found = Object.hasOwn(parent, key) ? parent[key] : undefined
  if (found === undefined && !tolerant) throw failure(step, 'PatchFailed', `unable to remove nonexistent key: ${key}`)
  delete parent[key]
  return found
}

function replace(step: Step, tokens: string[], value: Json): void {
  const key = tokens.at(-1)
  if (key === undefined) { step.root.value = value; return }
  const parent = parentOf(step, tokens, false)
  if (Array.isArray(parent)) { parent[indexIn(step, key, parent.length)] = value; return }
  if (!step.lenient && !Object.hasOwn(parent, key)) throw failure(step, 'PatchFailed', `nothing to replace at ${step.operation.path}`)
  setMember(parent, key, value)
}

function get(step: Step, tokens: string[]): Json | undefined {
  const key = tokens.at(-1)
  if (key === undefined) return step.root.value
  const parent = container(step, tokens)
  if (parent === undefined) throw missingParent(step)
  if (Array.isArray(parent)) return parent[indexIn(step, key, parent.length)]
  return Object.hasOwn(parent, key) ? parent[key] : undefined
}

/** The object or list that holds the last token, or undefined. */
function container(step: Step, tokens: readonly string[]): Json[] | JsonObject | undefined {
  let at: Json | undefined = step.root.value
  for (const token of tokens.slice(0, -1)) at = child(step, at, token)
  return typeof at === 'object' && at !== null ? at : undefined
}

function child(step: Step, at: Json | undefined, token: string): Json | undefined {
  if (typeof at !== 'object' || at === null) return undefined
  if (!Array.isArray(at)) return Object.hasOwn(at, token) ? at[token] : undefined
  const index = Number(token)
  if (!Number.isInteger(index)) return undefined
  return at[step.lenient && index < 0 ? at.length + index : index]
}

function parentOf(step: Step, tokens: readonly string[], create: boolean): Json[] | JsonObject {
  if (create) createPath(step, tokens)
  const found = container(step, tokens)
  if (found === undefined) throw missingParent(step)
  return found
}

/** Makes missing parents: a list where the next token is an index or `-`, an object otherwise. */
function createPath(step: Step, tokens: readonly string[]): void {
  let at: Json = step.root.value
  for (let i = 0; i < tokens.length - 1; i++) {
    const token = tokens[i] ?? ''
    let next = child(step, at, token)
    if (next === undefined || next === null) {
      next = /^(?:-|\d+)$/.test(tokens[i + 1] ?? '') ? [] : {}
      if (Array.isArray(at)) at.push(next)
      else if (typeof at === 'object' && at !== null) setMember(at, token, next)
      else throw missingParent(step)
    }
    at = next
  }
}

/** Reads an index below `limit`; negative ones count from the end where the dialect has them. */
function indexIn(step: Step, token: string, limit: number): number {
  if (!(step.lenient ? /^-?\d+$/ : /^(?:0|[1-9]\d*)$/).test(token)) throw failure(step, 'PatchFailed', `${JSON.stringify(token)} is not an index of a list`)
  const index = Number(token)
  const resolved = index < 0 ? index + limit : index
  if (resolved < 0 || resolved >= limit) throw failure(step, 'PatchFailed', `unable to access invalid index: ${token}`)
  return resolved
}

function valueOf(step: Step): Json {
  const { value } = step.operation
  if (value !== undefined) return value
  if (step.lenient) return null
  throw failure(step, 'InvalidPatch', `operation ${step.operation.op} needs "value"`)
}

function fromOf(step: Step): string[] {
  if (typeof step.operation.from !== 'string') throw failure(step, 'InvalidPatch', `operation ${step.operation.op} needs "from"`)
  return pointer(step, step.operation.from)
}

function pointer(step: Step, text: string): string[] {
  if (text !== '' && !text.startsWith('/')) throw failure(step, step.lenient ? 'PatchFailed' : 'InvalidPatch', `the path ${JSON.stringify(text)} does not begin with "/"`)
  return parsePointer(text)
}

function missingParent(step: Step): CodedError {
  const path = step.operation.op === 'copy' || step.operation.op === 'move' ? (step.operation.from ?? '') : step.operation.path
  return failure(step, 'PatchFailed', `${step.operation.op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`)
}

function failure(step: Step, code: string, message: string): CodedError {
  return new CodedError({ code, message, where: `operation ${step.index}: ${String(step.operation?.op)} ${String(step.operation?.path)}` })
}
