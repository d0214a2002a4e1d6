import { equalJson, isRecord } from '../json-value.ts'
import { fieldSchema, itemSchema, type Schema } from '../schema/resolve-schema.ts'
import { emptySet, insertPath, isEmpty, paths, recursiveDifference, type FieldSet } from './field-set.ts'
import { fieldsOf } from './object-fields.ts'
import { itemElement, structureOf, type Structure } from './merge-structure.ts'

/** What changed between two objects, as sets of paths. */
export interface Comparison { readonly added: FieldSet; readonly modified: FieldSet; readonly removed: FieldSet }

export function compareObjects(before: unknown, after: unknown, schema: Schema | undefined): Comparison {
  const comparison: Comparison = { added: emptySet(), modified: emptySet(), removed: emptySet() }
  compare(before, after, schema, [], comparison)
  return comparison
}

export function isSame(comparison: Comparison): boolean {
  return isEmpty(comparison.added) && isEmpty(comparison.modified) && isEmpty(comparison.removed)
}

/** The comparison without paths in or below `ignored`. */
export function excluding(comparison: Comparison, ignored: FieldSet): Comparison {
  if (isSame(comparison)) return comparison
  return {
    added: recursiveDifference(comparison.added, ignored),
    modified: recursiveDifference(comparison.modified, ignored),
    removed: recursiveDifference(comparison.removed, ignored),
  }
}

/** `path` is one list for the whole walk: it holds the path of the values compared while they are. */
function compare(before: unknown, after: unknown, schema: Schema | undefined, path: string[], into: Comparison): void {
  if (before === after) return
  const left = structureOf(schema, before, after)
  const right = structureOf(schema, after, before)
  if (left.of === 'leaf' || left.of !== right.of || (isHollow(before) && isHollow(after))) {
    if (path.length === 0) return
    if (before === undefined) insertPath(into.added, path)
    else if (after === undefined) insertPath(into.removed, path)
    else if (!equalJson(before, after)) {
      insertPath(into.modified, path)
      if (left.of !== right.of) {
        insertBelow(into.removed, path, fieldsOf(before, schema))
        insertBelow(into.added, path, fieldsOf(after, schema))
      }
    }
    return
  }
  if (left.of === 'map') compareMaps(asRecord(before), asRecord(after), schema, path, into)
  else compareLists(left, asList(before), asList(after), itemSchema(schema), path, into)
  if (path.length === 0) return
  if (before === undefined) insertPath(into.added, path)
  else if (after === undefined) insertPath(into.removed, path)
}

function compareMaps(before: Record<string, unknown> | undefined, after: Record<string, unknown> | undefined, schema: Schema | undefined, path: string[], into: Comparison): void {
  for (const name in before) compareField(name, before, after, schema, path, into)
  for (const name in after) if (before === undefined || !(name in before)) compareField(name, before, after, schema, path, into)
}

function compareField(name: string, before: Record<string, unknown> | undefined, after: Record<string, unknown> | undefined, schema: Schema | undefined, path: string[], into: Comparison): void {
  const was = before?.[name]
  const is = after?.[name]
  // Most of what a write carries is as it was: told apart without looking at schemas.
  if (was !== undefined && is !== undefined && equalJson(was, is)) return
  const below = fieldSchema(schema, name)
  path.push(`f:${name}`)
  compare(was ?? presumedField(before, was, name, below, schema), is ?? presumedField(after, is, name, below, schema), below, path, into)
  path.pop()
}

function presumedField(object: object | undefined, value: unknown, name: string, schema: Schema | undefined, owner: Schema | undefined): unknown {
  return value !== undefined || object === undefined ? value : presumedValue(name, schema, owner)
}

/** What upstream's types hold by value is there even when it was not written: structs as `{}`, lists that are required as null. */
export function presumedValue(name: string, schema: Schema | undefined, owner: Schema | undefined): null | undefined | Readonly<Record<string, never>> {
  if (schema === undefined) return undefined
  if (schema.type === 'object' && isRecord(schema.default) && Object.keys(schema.default).length === 0) return {}
  return schema.type === 'array' && owner?.['x-kubernetes-preserve-unknown-fields'] === undefined && owner?.required?.includes(name) === true ? null : undefined
}

function compareLists(structure: Structure, before: unknown[], after: unknown[], schema: Schema | undefined, path: string[], into: Comparison): void {
  const left = byElement(structure, before, schema)
  const right = byElement(structure, after, schema)
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const was = left.get(element) ?? []
    const is = right.get(element) ?? []
    const at = [...path, element]
    if (was.length <= 1 && is.length <= 1) {
      if (!equalJson(was[0], is[0])) compare(was[0], is[0], schema, at, into)
    } else if (was.length === 0) insertPath(into.added, at)
    else if (is.length === 0) insertPath(into.removed, at)
    else if (!equalJson(was, is)) {
      // Duplicates are owned as one: an item that was, or becomes, the only one of its kind goes and comes with all its fields.
      if (was.length > 1 && is.length > 1) insertPath(into.modified, at)
      else {
        insertPath(into.removed, at)
        insertPath(into.added, at)
        if (was.length === 1) insertBelow(into.removed, at, fieldsOf(was[0], schema))
        if (is.length === 1) insertBelow(into.added, at, fieldsOf(is[0], schema))
      }
    }
  }
}

function insertBelow(into: FieldSet, path: readonly string[], fields: FieldSet): void {
  for (const below of paths(fields)) insertPath(into, [...path, ...below])
}

/** Items under their elements; an invalid list may hold several under one. */
export function byElement(structure: Structure, list: readonly unknown[], schema: Schema | undefined): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>()
  list.forEach((item, i) => {
    const element = itemElement(structure, schema, item, i)
    const same = items.get(element)
    if (same === undefined) items.set(element, [item])
    else same.push(item)
  })
  return items
}

/** Absent, null or empty: compared as one value, so that the difference between them is kept. */
function isHollow(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0)
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return isRecord(value) ? value : undefined
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
