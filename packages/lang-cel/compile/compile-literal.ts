import type { ListNode, MapNode, StructNode } from '../syntax/node.ts'
import { CelFault } from '../value/fault.ts'
import { CelMap } from '../value/map.ts'
import { showValue } from '../value/show.ts'
import { CelOptional, type CelValue } from '../value/value.ts'
import type { Compiler, Locals } from './compiler.ts'
import { charge, type Eval } from './frame.ts'
import { isConstant } from './is-constant.ts'

const typeNames = new WeakMap<object, string>()

/** The type by whose name an expression made an object, `Object.spec` for `Object.spec{…}`; undefined for every other value. */
export function madeAs(value: CelValue): string | undefined {
  return typeof value === 'object' && value !== null ? typeNames.get(value) : undefined
}

/** What an optional holds; undefined when it is empty. */
export function unwrapOptional(value: CelValue): CelValue | undefined {
  if (!(value instanceof CelOptional)) throw new CelFault('no such overload')
  return value.value
}

export function compileList(node: ListNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const constant = node.items.every(({ value, optional }) => !optional && isConstant(value))
  const items = node.items.map(({ value, optional }) => ({ evaluate: compiler.compile(value, locals), optional }))
  return (frame) => {
    const list: CelValue[] = []
    for (const { evaluate, optional } of items) {
      const value = optional ? unwrapOptional(evaluate(frame)) : evaluate(frame)
      if (value !== undefined) list.push(value)
    }
    if (!constant) charge(frame, 10)
    return list
  }
}

export function compileMap(node: MapNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const constant = node.entries.every(({ key, value, optional }) => !optional && isConstant(key) && isConstant(value))
  const entries = node.entries.map(({ key, value, optional }) => ({ key: compiler.compile(key, locals), value: compiler.compile(value, locals), optional }))
  return (frame) => {
    const map = new CelMap()
    for (const { key, value, optional } of entries) {
      const at = key(frame)
      const item = optional ? unwrapOptional(value(frame)) : value(frame)
      if (item === undefined) continue
      if (map.get(at) !== undefined) throw new CelFault(`Failed with repeated key: ${showValue(at)}`)
      map.set(at, item)
    }
    if (!constant) charge(frame, 30)
    return map
  }
}

export function compileStruct(node: StructNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const type = compiler.checked?.typeOf(node)
  if (!type) {
    return () => {
      throw new CelFault(`unknown type: ${node.name}`)
    }
  }
  const fields = node.fields.map(({ name, value, optional }) => ({ name: type.field?.(name)?.property ?? name, evaluate: compiler.compile(value, locals), optional }))
  return (frame) => {
    const object: Record<string, CelValue> = {}
    for (const { name, evaluate, optional } of fields) {
      const value = optional ? unwrapOptional(evaluate(frame)) : evaluate(frame)
      if (value !== undefined) Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
    }
    charge(frame, 40)
    typeNames.set(object, type.name)
    return object
  }
}
