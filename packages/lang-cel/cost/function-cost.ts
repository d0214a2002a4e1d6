import type { CallNode } from '../syntax/node.ts'
import type { Estimated, SizeOf } from './estimate.ts'
import { plus, product, scale, type Size, times, unknownSize } from './size.ts'

interface Call {
  readonly node: CallNode
  readonly target: Estimated | undefined
  readonly args: readonly Estimated[]
  readonly sizeOf: SizeOf
}

/** Most cost of the call itself, its arguments apart, and the size of what it gives. */
interface CallCost { readonly cost: number; readonly size?: Size | undefined }

type Rule = (call: Call) => CallCost | undefined

const size = (value: Estimated | undefined): Size => value?.size ?? unknownSize
const one: CallCost = { cost: 1 }

const onceOver = (value: Estimated | undefined): CallCost => ({ cost: scale(size(value).max, 0.1) })
const keepsSize = (value: Estimated | undefined): CallCost => ({ ...onceOver(value), size: size(value) })

/** Comparing stops at the shorter side; scalars count as 1. */
const comparison: Rule = ({ args: [a, b] }) => ({ cost: scale(Math.min(size(a).max, size(b).max), 0.1) })

const opaqueUnits = new Set(['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver'])

const equality: Rule = (call) => {
  const [a, b] = call.args
  const name = a?.type?.kind === 'opaque' && b?.type?.name === a.type.name ? a.type.name : undefined
  if (name !== undefined && (opaqueUnits.has(name) || name.startsWith('kubernetes.authorization.'))) return one
  if (name === 'kubernetes.NamedFormat') return { cost: scale(64, 0.1) }
  return comparison(call)
}

const ordered: Rule = (call) => {
  const kind = call.args[0]?.type?.kind
  const other = call.args[1]?.type?.kind
  return [kind, other].some((one_) => one_ === 'string' || one_ === 'bytes' || one_ === 'dyn') ? comparison(call) : one
}

const addition: Rule = ({ args: [a, b] }) => {
  const kinds = [a?.type?.kind, b?.type?.kind]
  const total = plus(size(a), size(b))
  if (kinds.includes('list')) return { cost: 1, size: total }
  return kinds.some((kind) => kind === 'string' || kind === 'bytes') || kinds.every((kind) => kind === 'dyn') ? { cost: scale(total.max, 0.1), size: total } : one
}

/** Searching for a pattern: text length × pattern length. */
const search = (text: Estimated | undefined, pattern: Estimated | undefined) => times(scale(size(text).max + 1, 0.1), scale(size(pattern).max, 0.25))

function elementSize({ target, sizeOf }: Call): Size {
  const max = target?.entry?.value.max ?? (target?.path ? sizeOf([...target.path, '@items']) : undefined)
  return max === undefined ? unknownSize : { min: 0, max }
}

/** Functions that look at every element of a list, or search a text. */
const overElements: Rule = (call) => {
  const { target } = call
  if (target?.type?.kind !== 'list') return onceOver(target)
  const kind = target.type.params[0]?.kind
  const element = 1 + (kind === 'string' || kind === 'bytes' ? scale(elementSize(call).max, 0.1) : 0)
  return { cost: times(size(target).max, element) }
}

const replace: Rule = ({ target, args: [from, to] }) => {
  const text = size(target)
  const [old, made] = [size(from), size(to)]
  let count = { min: 0, max: 0 }
  let kept = { min: 0, max: 0 }
  if (old.min === 0) [count, kept] = [{ ...count, max: text.max + 1 }, { ...kept, max: text.max }]
  else if (made.max <= old.min) kept = { ...kept, max: text.max }
  else count = { ...count, max: Math.ceil(text.max / old.min) }
  if (old.max === 0) [count, kept] = [{ ...count, min: text.min + 1 }, { ...kept, min: text.min }]
  else if (old.max <= made.min) kept = { ...kept, min: text.min }
  else count = { ...count, min: Math.ceil(text.min / old.max) }
  return { cost: scale(text.max, 0.2), size: plus(product(count, made), kept) }
}

const split: Rule = ({ node, target }) => {
  const limit = node.args[1]
  const most = limit?.kind === 'const' && typeof limit.value === 'number' && limit.value >= 0 ? limit.value : size(target).max
  return { cost: scale(size(target).max, 0.2), size: { min: 0, max: most } }
}

const join: Rule = (call) => {
  const list = size(call.target)
  let total = product(list, elementSize(call))
  if (call.args.length > 0) total = plus(total, product(size(call.args[0]), { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) }))
  return { cost: scale(total.max, 0.1), size: total }
}

const bytesOf: Rule = ({ args: [value] }) => value?.type?.kind === 'string' || value?.type?.kind === 'dyn' ? { ...onceOver(value), size: { min: size(value).min, max: size(value).max * 4 } } : one
const textOf: Rule = ({ args: [value] }) => value?.type?.kind === 'bytes' || value?.type?.kind === 'dyn' ? { ...onceOver(value), size: { min: Math.floor(size(value).min / 4), max: size(value).max } } : one

/** The first argument, wherever it stands: `f(x)` or `x.f()`. */
const ofArgument: Rule = ({ args }) => onceOver(args[0])

const containsAddress = (parts: number): Rule => ({ args: [other] }) => ({ cost: scale(32, 0.1) + (parts > 2 ? scale(16, 0.1) + 1 : 0) + (other?.type?.kind === 'string' ? scale(size(other).max, 0.1) : 0) })

const selector: Rule = ({ args: [text] }) => ({ cost: 10 + scale(size(text).max, 0.1) + scale(scale(size(text).max, 0.5), 50) })

/** A new list of so many elements. */
const newList = (count: number, factor = 1): CallCost => ({ cost: 11 + scale(count, factor), size: { min: 0, max: count } })
const literal = (call: Call, index: number, otherwise: number): number => {
  const node = call.node.args[index]
  return node?.kind === 'const' && typeof node.value === 'number' ? Math.max(0, node.value) : otherwise
}

/** Every element against every other one. */
const compared: Rule = ({ node, target }) => {
  const count = size(target).max
  const kind = target?.type?.params[0]?.kind
  return newList(times(count, count), 2 + (node.name === 'sort' && (kind === 'string' || kind === 'bytes') ? 0.1 : 0))
}

const setProduct = (factor: number): Rule => ({ args: [a, b] }) => ({ cost: 1 + factor * times(size(a).max, size(b).max) })

const rules: Readonly<Record<string, Rule>> = {
  '_==_': equality, '_!=_': comparison, '_<_': ordered, '_<=_': ordered, '_>_': ordered, '_>=_': ordered, '_+_': addition,
  '@in': ({ args: [, list] }) => list?.type?.kind === 'map' ? one : { cost: size(list).max },
  startsWith: ofArgument, endsWith: ofArgument, format: ({ target }) => onceOver(target),
  contains: ({ target, args: [part] }) => ({ cost: times(scale(size(target).max, 0.1), scale(size(part).max, 0.1)) }),
  matches: ({ target, args }) => target ? { cost: search(target, args[0]) } : one,
  find: ({ target, args }) => ({ cost: search(target, args[0]), size: { min: 0, max: size(target).max } }),
  findAll: ({ target, args }) => ({ cost: search(target, args[0]), size: { min: 0, max: size(target).max } }),
  bytes: bytesOf, string: textOf,
  'strings.quote': ({ args: [text] }) => ({ ...onceOver(text), size: { min: size(text).min + 2, max: size(text).max * 2 + 2 } }),
  isSorted: overElements, sum: overElements, min: overElements, max: overElements, indexOf: overElements, lastIndexOf: overElements,
  url: ({ args }) => keepsSize(args[0]), 'jsonpatch.escapeKey': ({ args }) => keepsSize(args[0]),
  lowerAscii: ({ target }) => keepsSize(target), upperAscii: ({ target }) => keepsSize(target), substring: ({ target }) => keepsSize(target), trim: ({ target }) => keepsSize(target),
  replace, split, join,
  slice: (call) => newList(Math.max(0, literal(call, 1, size(call.target).max) - literal(call, 0, 0))), 'lists.range': (call) => newList(literal(call, 0, Infinity)), reverse: ({ target }) => newList(size(target).max),
  flatten: (call) => newList(size(call.target).max, call.args.length > 0 ? literal(call, 0, Infinity) : 1), distinct: compared, sort: compared,
  cidr: ofArgument, isIP: ofArgument, isCIDR: ofArgument, ip: (call) => call.target ? one : ofArgument(call), 'ip.isCanonical': ({ args: [text] }) => ({ cost: scale(size(text).max, 0.2) }),
  containsIP: containsAddress(2), containsCIDR: containsAddress(3),
  quantity: ofArgument, isQuantity: ofArgument, semver: ofArgument, isSemver: ofArgument,
  validate: ({ args: [text] }) => ({ cost: scale(scale(size(text).max, 0.1), 128 * 0.25) }),
  check: () => ({ cost: 350_000 }), fieldSelector: selector, labelSelector: selector,
  'sets.contains': setProduct(1), 'sets.intersects': setProduct(1), 'sets.equivalent': setProduct(2),
}

/** The cost of one call as cel-go and Kubernetes reckon it. */
export function functionCost(node: CallNode, target: Estimated | undefined, args: readonly Estimated[], sizeOf: SizeOf): CallCost {
  return rules[node.name]?.({ node, target, args, sizeOf }) ?? one
}

