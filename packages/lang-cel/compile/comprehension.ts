import type { ComprehensionNode } from '../syntax/node.ts'
import { celCompare } from '../value/compare.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { CelMap, isMap, mapEntries, mapKeys } from '../value/map.ts'
import { CelOpaque, type CelValue, kindOf } from '../value/value.ts'
import { showValue } from '../value/show.ts'
import type { Compiler, Locals } from './compiler.ts'
import { charge, type Eval, type Frame, recoverable } from './frame.ts'

/** The elements of a list or the keys of a map; with two variables pairs of index or key, and element. */
function itemsOf(range: CelValue): readonly CelValue[] {
  if (Array.isArray(range)) return range as readonly CelValue[]
  if (range !== null && isMap(range)) return mapKeys(range)
  throw new CelFault(`got '${range instanceof CelOpaque ? range.celType.name : kindOf(range)}', expected iterable type`)
}

function pairsOf(range: CelValue): Iterable<readonly [CelValue, CelValue]> {
  if (Array.isArray(range)) return (range as readonly CelValue[]).entries()
  if (range !== null && isMap(range)) return mapEntries(range)
  throw noSuchOverload()
}

interface Loop {
  /** Calls `step` for each element with its variables set, until it gives true. */
  readonly each: (frame: Frame, step: (frame: Frame, key: CelValue) => boolean) => void
  readonly condition: Eval | undefined
  readonly body: Eval
}

/**
 * Compiles a macro over a list or map. The run-time cost is that of the general fold which the reference implementation expands the
 * macro to: each step reads the accumulator, `all` and `exists` also ask before each element whether to go on, `map` and `filter` make a
 * list for each element they keep.
 */
export function compileComprehension(node: ComprehensionNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const loop = compileLoop(node, locals, compiler)
  switch (node.macro) {
    case 'all': return quantifier(loop, false, 2)
    case 'exists': return quantifier(loop, true, 3)
    case 'existsOne': return existsOne(loop)
    case 'filter': return filter(loop)
    case 'map': case 'transformList': return transform(loop)
    case 'transformMap': return transformMap(loop)
    case 'transformMapEntry': return transformMapEntry(loop)
    case 'sortBy': return sortBy(loop)
  }
}

function compileLoop(node: ComprehensionNode, locals: Locals | undefined, compiler: Compiler): Loop {
  const range = compiler.compile(node.range, locals)
  const first = compiler.slots++
  let inner: Locals = { name: node.first, slot: first, parent: locals }
  const second = node.second === undefined ? undefined : compiler.slots++
  if (node.second !== undefined && second !== undefined) inner = { name: node.second, slot: second, parent: inner }
  const condition = node.condition && compiler.compile(node.condition, inner)
  const body = compiler.compile(node.body, inner)
  if (second === undefined) {
    return {
      condition, body,
      each(frame, step) {
        for (const item of itemsOf(range(frame))) {
          frame.locals[first] = item
          if (step(frame, item)) return
        }
      },
    }
  }
  return {
    condition, body,
    each(frame, step) {
      for (const [key, item] of pairsOf(range(frame))) {
        frame.locals[first] = key
        frame.locals[second] = item
        if (step(frame, key)) return
      }
    },
  }
}

/** `all` and `exists`: a deciding element wins over elements that fail. */
function quantifier({ each, body }: Loop, decisive: boolean, askCost: number): Eval {
  return (frame) => {
    let fault: CelFault | undefined
    let decided = false
    each(frame, (inner) => {
      if (decided) {
        inner.cost += askCost
        return true
      }
      charge(inner, askCost + 1)
      try {
        const value = body(inner)
        if (value === decisive) decided = true
        else if (typeof value !== 'boolean') fault ??= noSuchOverload()
      } catch (thrown) {
        const caught = recoverable(thrown)
        fault ??= caught
      }
      return false
    })
    frame.cost++
    if (decided) return decisive
    if (fault) throw fault
    return !decisive
  }
}

function isTrue(value: CelValue): boolean {
  if (typeof value !== 'boolean') throw noSuchOverload()
  return value
}

function existsOne({ each, body }: Loop): Eval {
  return (frame) => {
    let count = 0
    each(frame, (inner) => {
      charge(inner, 0)
      if (isTrue(body(inner))) {
        count++
        inner.cost += 2
      }
      return false
    })
    frame.cost += 2
    return count === 1
  }
}

function filter({ each, body }: Loop): Eval {
  return (frame) => {
    const list: CelValue[] = []
    each(frame, (inner, item) => {
      charge(inner, 0)
      if (isTrue(body(inner))) {
        list.push(item)
        inner.cost += 13
      }
      return false
    })
    frame.cost++
    return list
  }
}

function transform({ each, condition, body }: Loop): Eval {
  return (frame) => {
    const list: CelValue[] = []
    each(frame, (inner) => {
      charge(inner, 0)
      if (condition && !isTrue(condition(inner))) return false
      list.push(body(inner))
      inner.cost += 12
      return false
    })
    frame.cost++
    return list
  }
}

function sortBy({ each, body }: Loop): Eval {
  return (frame) => {
    const keyed: { key: CelValue; item: CelValue }[] = []
    each(frame, (inner, item) => {
      charge(inner, 12)
      const key = body(inner)
      celCompare(key, keyed[0]?.key ?? key)
      keyed.push({ key, item })
      return false
    })
    const factor = typeof keyed[0]?.key === 'string' || keyed[0]?.key instanceof Uint8Array ? 2.1 : 2
    charge(frame, 14 + Math.floor(keyed.length ** 2 * factor))
    return keyed.sort((a, b) => celCompare(a.key, b.key)).map(({ item }) => item)
  }
}

function transformMap({ each, condition, body }: Loop): Eval {
  return (frame) => {
    const map = new CelMap()
    each(frame, (inner, key) => {
      charge(inner, 0)
      if (condition && !isTrue(condition(inner))) return false
      map.set(key, body(inner))
      inner.cost += 3
      return false
    })
    frame.cost++
    return map
  }
}

function transformMapEntry({ each, condition, body }: Loop): Eval {
  return (frame) => {
    const map = new CelMap()
    each(frame, (inner) => {
      charge(inner, 0)
      if (condition && !isTrue(condition(inner))) return false
      inner.cost += 2
      const made = body(inner)
      if (!isMap(made)) throw noSuchOverload()
      for (const [key, value] of mapEntries(made)) {
        if (map.get(key) !== undefined) throw new CelFault(`insert failed: key ${showValue(key)} already exists`)
        map.set(key, value)
      }
      return false
    })
    frame.cost++
    return map
  }
}
