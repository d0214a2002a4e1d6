import { fail, type Frame } from './frame.ts'
import { isFunction, kindOf, Num, Struct, typeOf, zeroOf, goMethods, goType, type GoFunction, type GoMap } from './value.ts'

/** The type Go names in an error about `value`: elements of maps and lists are known as interface {}. */
export function staticType(value: unknown, fromElement: boolean): string {
  // Whole numbers come from lists of int; everything else from lists and maps of anything.
  return (fromElement && typeof value !== 'bigint') || value === null ? 'interface {}' : typeOf(value)
}

/** `.name` of a value without arguments; methods are answered as Method. */
export function field(frame: Frame, receiver: unknown, name: string, fromElement: boolean): unknown {
  if (typeof receiver === 'object' && receiver !== null && !Array.isArray(receiver) && !(receiver instanceof Struct)) {
    frame.run.reads?.key(receiver, name)
    if (Object.hasOwn(receiver, name) && !(receiver instanceof Num) && !(receiver instanceof Uint8Array)) return (receiver as GoMap)[name]
    if (!(receiver instanceof Num) && !(receiver instanceof Uint8Array) && !isFunction(receiver)) return missing(frame, receiver as GoMap, name)
  }
  return slowField(frame, receiver, name, fromElement)
}

function missing(frame: Frame, map: GoMap, name: string): unknown {
  switch (frame.run.missingKey) {
    case 'zero': return zeroOf(map)
    case 'error': return fail(frame, `map has no entry for key "${name}"`)
    default: return map[goType] === undefined ? undefined : undefined
  }
}

function slowField(frame: Frame, receiver: unknown, name: string, fromElement: boolean): unknown {
  if (receiver === undefined) {
    if (frame.run.missingKey === 'error') fail(frame, `nil data; no entry for key "${name}"`)
    return undefined
  }
  if (receiver === null) fail(frame, `nil pointer evaluating interface {}.${name}`)
  if (receiver instanceof Struct) {
    const { fields, content } = receiver.shape
    if (fields !== undefined && Object.hasOwn(fields, name)) return fields[name]
    if (content !== undefined && kindOf(receiver) === 'map') return field(frame, content, name, fromElement)
  }
  return fail(frame, `can't evaluate field ${name} in type ${staticType(receiver, fromElement)}`)
}

/** The method `name` of a value, if it has one. */
export function methodOf(receiver: unknown, name: string): GoFunction | undefined {
  const methods = receiver instanceof Struct ? receiver.shape.methods : (receiver as GoMap)[goMethods]
  return methods !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined
}

/** Could `name` be a method? Go's methods that templates see begin with a capital. */
export function mayBeMethod(name: string): boolean {
  const first = name.charCodeAt(0)
  return (first >= 65 && first <= 90) || first > 127
}
