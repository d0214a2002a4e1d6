import { type CelType, dynType, listType, mapType, opaqueType, optionalType, sameType, typeType } from './cel-type.ts'

const nullable = new Set(['opaque', 'optional', 'object', 'any', 'duration', 'timestamp', 'null'])

/**
 * What the type variables of one check stand for so far. Unification as CEL's reference checker does it: `dyn` fits everything, and a
 * variable takes the more general of the types it meets.
 */
export class Substitution {
  private readonly known = new Map<string, CelType>()
  /** What to put back when an attempt fails: variables with what they stood for before. */
  private readonly trail: [name: string, before: CelType | undefined][] = []
  private fresh = 0

  freshVariable(): CelType {
    return { kind: 'param', name: `_var${this.fresh++}`, params: [], text: 'dyn' }
  }

  /** Whether values of `from` may be used where `to` is wanted; what that says about type variables is kept only if so. */
  assignable(from: CelType, to: CelType): boolean {
    return from === to || this.assignableAll([from], [to])
  }

  assignableAll(from: readonly CelType[], to: readonly CelType[]): boolean {
    if (from.length !== to.length) return false
    const mark = this.trail.length
    for (let i = 0; i < from.length; i++) {
      if (this.fits(from[i] ?? dynType, to[i] ?? dynType)) continue
      this.undo(mark)
      return false
    }
    return true
  }

  private set(variable: CelType, type: CelType): void {
    this.trail.push([variable.name, this.known.get(variable.name)])
    this.known.set(variable.name, type)
  }

  private undo(mark: number): void {
    while (this.trail.length > mark) {
      const [name, before] = this.trail.pop() as [string, CelType | undefined]
      if (before) this.known.set(name, before)
      else this.known.delete(name)
    }
  }

  private fits(from: CelType, to: CelType): boolean {
    if (to.kind === 'param') {
      const bound = this.bind(from, to)
      if (bound !== undefined) return bound
    }
    if (from.kind === 'param') return this.bind(to, from) ?? false
    if (from.kind === 'dyn' || to.kind === 'dyn' || from.kind === 'error' || to.kind === 'error') return true
    if (from.kind === 'null') return nullable.has(to.kind)
    if (to.kind === 'null') return nullable.has(from.kind)
    if (from.kind !== to.kind) return from.kind === 'any' || to.kind === 'any'
    if (from.kind === 'type') return true
    return from.name === to.name && from.params.length === to.params.length && from.params.every((param, i) => this.fits(param, to.params[i] ?? dynType))
  }

  /** Tries `type` for the variable; undefined when the variable is free but occurs within the type. */
  private bind(type: CelType, variable: CelType): boolean | undefined {
    if (type.kind === 'param' && type.name === variable.name) return true
    const known = this.known.get(variable.name)
    if (known) {
      if (sameType(known, type)) return true
      if (!this.fits(type, known)) return false
      const general = isLessSpecific(type, known) ? type : known
      if (!this.occurs(variable, general)) this.set(variable, general)
      return true
    }
    if (this.occurs(variable, type)) return undefined
    this.set(variable, type)
    return true
  }

  private occurs(variable: CelType, within: CelType): boolean {
    if (within.kind === 'param') {
      if (within.name === variable.name) return true
      const known = this.known.get(within.name)
      return known !== undefined && this.occurs(variable, known)
    }
    return within.params.some((param) => this.occurs(variable, param))
  }

  /** The type with every known variable replaced; with `final`, unknown ones become `dyn`. */
  apply(type: CelType, final = false): CelType {
    if (type.kind === 'param') {
      const known = this.known.get(type.name)
      return known ? this.apply(known, final) : final ? dynType : type
    }
    return rebuild(type, (param) => this.apply(param, final))
  }

  /** The more general of two types that fit each other. */
  mostGeneral(a: CelType, b: CelType): CelType {
    return isLessSpecific(a, b) ? a : b
  }
}

/** The type with its parameters replaced; the same object when none changed. */
export function rebuild(type: CelType, replace: (param: CelType) => CelType): CelType {
  const { params } = type
  if (params.length === 0) return type
  const replaced = params.map(replace)
  if (replaced.every((param, i) => param === params[i])) return type
  const [first = dynType, second = dynType] = replaced
  switch (type.kind) {
    case 'list': return { ...type, ...listType(first) }
    case 'map': return { ...type, ...mapType(first, second) }
    case 'optional': return optionalType(first)
    case 'type': return typeType(first)
    default: return opaqueType(type.name, ...replaced)
  }
}

function isLessSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true
  if (b.kind === 'dyn' || b.kind === 'param') return false
  if (a.kind !== b.kind) return false
  if (a.kind === 'type') return true
  return a.name === b.name && a.params.length === b.params.length && a.params.every((param, i) => isLessSpecific(param, b.params[i] ?? dynType))
}
