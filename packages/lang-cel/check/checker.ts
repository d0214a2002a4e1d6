import type { CelEnvironment, CelFunction, Overload } from '../environment.ts'
import type { BindNode, CallNode, CelNode, ComprehensionNode, IdentNode, ListNode, MapNode, SelectNode, StructNode } from '../syntax/node.ts'
import type { CelIssue } from '../syntax/source.ts'
import { CelTypeValue } from '../value/value.ts'
import { boolType, bytesType, type CelType, doubleType, dynType, errorType, intType, listType, mapType, nullType, optionalType, sameType, stringType, typeType, uintType } from './cel-type.ts'
import { rebuild, Substitution } from './substitution.ts'

const sortable = new Set(['dyn', 'error', 'param', 'int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'])

interface Scope { readonly name: string; readonly type: CelType; readonly parent: Scope | undefined }

const literalTypes = { null: nullType, bool: boolType, int: intType, uint: uintType, double: doubleType, string: stringType, bytes: bytesType }

export interface Checked {
  readonly type: CelType
  /** The final type of a node of the tree. */
  typeOf(node: CelNode): CelType
}

/** Gives every node its type and every call its candidate signatures; what does not fit is added to `issues` in cel-go's words. */
export function checkCel(root: CelNode, environment: CelEnvironment, issues: CelIssue[]): Checked {
  const checker = new Checker(environment, issues)
  const type = checker.check(root, undefined)
  if (environment.options.homogeneousLiterals && issues.length === 0) checker.checkLiterals()
  return { type: checker.known.apply(type, true), typeOf: (node) => checker.known.apply(node.type ?? dynType, true) }
}

class Checker {
  readonly known = new Substitution()
  private readonly environment: CelEnvironment
  private readonly issues: CelIssue[]
  private readonly container: string
  /** Literals whose elements must be of one type; those in the arguments of `format` are free. */
  private readonly literals: (ListNode | MapNode)[] = []
  private inFormat = 0

  constructor(environment: CelEnvironment, issues: CelIssue[]) {
    this.environment = environment
    this.issues = issues
    this.container = environment.options.container ?? ''
  }

  check(node: CelNode, scope: Scope | undefined): CelType {
    return node.type = this.infer(node, scope)
  }

  private infer(node: CelNode, scope: Scope | undefined): CelType {
    switch (node.kind) {
      case 'const': return literalTypes[node.literal]
      case 'ident': return this.ident(node, scope)
      case 'select': return this.select(node, scope)
      case 'call': return this.call(node, scope)
      case 'list': return this.list(node, scope)
      case 'map': return this.map(node, scope)
      case 'struct': return this.struct(node, scope)
      case 'comprehension': return this.comprehension(node, scope)
      case 'bind': return this.bind(node, scope)
      case 'block': {
        let inner = scope
        node.values.forEach((value, i) => inner = { name: `@index${i}`, type: this.check(value, inner), parent: inner })
        return this.check(node.body, inner)
      }
    }
  }

  private report(message: string, { offset }: { readonly offset: number }): CelType {
    this.issues.push({ message, offset })
    return errorType
  }

  private undeclared(name: string, node: CelNode): CelType {
    return this.report(`undeclared reference to '${name}' (in container '${this.container}')`, node)
  }

  private ident(node: IdentNode, scope: Scope | undefined): CelType {
    for (let at = scope; at; at = at.parent) if (at.name === node.name) return at.type
    return this.resolve(node, node.name) ?? this.undeclared(node.name, node)
  }

  /** Finds a variable, constant or type of this name, in the container first; the node then carries what was found. */
  private resolve(node: IdentNode, name: string): CelType | undefined {
    for (const candidate of candidates(name, this.container)) {
      const variable = this.environment.variables.get(candidate)
      if (variable) {
        node.name = candidate
        return variable
      }
      const constant = this.environment.constants.get(candidate)
      if (constant) {
        node.constant = constant.value
        return constant.type
      }
      const type = this.findType(candidate)
      if (type) {
        node.constant = new CelTypeValue(type.name)
        return typeType(type)
      }
    }
    return undefined
  }

  private findType(name: string): CelType | undefined {
    return this.environment.types.get(name) ?? this.environment.options.findType?.(name)
  }

  private select(node: SelectNode, scope: Scope | undefined): CelType {
    if (!node.test && !node.optional) {
      const name = dottedName(node)
      if (name !== undefined && !isLocal(name, scope)) {
        const ident: IdentNode = { kind: 'ident', name, offset: node.offset }
        const type = this.resolve(ident, name)
        if (type) {
          ident.type = type
          node.resolved = ident
          return type
        }
      }
    }
    const operand = this.known.apply(this.check(node.operand, scope))
    const isOptional = operand.kind === 'optional'
    const target = isOptional ? operand.params[0] ?? dynType : operand
    const type = this.fieldType(node, target)
    if (node.test) return boolType
    return isOptional || node.optional ? optionalType(type) : type
  }

  private fieldType(node: SelectNode, target: CelType): CelType {
    switch (target.kind) {
      case 'map': return target.params[1] ?? dynType
      case 'dyn': case 'error': case 'any': return dynType
      case 'param':
        this.known.assignable(dynType, target)
        return dynType
      case 'object': case 'opaque':
        if (target.field) return target.field(node.field)?.type ?? this.report(`undefined field '${node.field}'`, node)
    }
    this.report(`type '${target.text}' does not support field selection`, node)
    return dynType
  }

  private call(node: CallNode, scope: Scope | undefined): CelType {
    const free = node.name === 'format' ? 1 : 0
    this.inFormat += free
    const argTypes = node.args.map((arg) => this.check(arg, scope))
    this.inFormat -= free
    const { target } = node
    if (!target) {
      const found = this.findFunction(node.name)
      return found ? this.overload(node, found, argTypes, false) : this.undeclared(node.name, node)
    }
    const prefix = dottedName(target)
    if (prefix !== undefined && !isLocal(prefix, scope)) {
      const found = this.findFunction(`${prefix}.${node.name}`)
      if (found) {
        node.target = undefined
        return this.overload(node, found, argTypes, false)
      }
    }
    argTypes.unshift(this.check(target, scope))
    const found = this.environment.functions.get(node.name)
    return found ? this.overload(node, found, argTypes, true) : this.undeclared(node.name, node)
  }

  private findFunction(name: string): CelFunction | undefined {
    for (const candidate of candidates(name, this.container)) {
      const found = this.environment.functions.get(candidate)
      if (found) return found
    }
    return undefined
  }

  private overload(node: CallNode, found: CelFunction, argTypes: readonly CelType[], asMember: boolean): CelType {
    node.name = found.name
    if (found.name === '_&&_' || found.name === '_||_') {
      node.args.forEach((arg, i) => this.wantOperand(argTypes[i] ?? dynType, arg))
      return boolType
    }
    let result: CelType | undefined
    const matching: Overload[] = []
    for (const one of found.overloads) {
      if (one.member !== asMember || one.parameters.length !== argTypes.length) continue
      const fresh = this.instantiate(one)
      if (!this.known.assignableAll(argTypes, fresh.parameters)) continue
      matching.push(one)
      const type = this.known.apply(fresh.result)
      result = result === undefined || (result.kind !== 'dyn' && sameType(result, type)) ? type : dynType
    }
    node.overloads = matching
    if (result !== undefined) {
      const wrong = found.validate?.((asMember && node.target ? [node.target, ...node.args] : node.args).map((arg) => arg.kind === 'const' ? arg.value : undefined))
      const argument = wrong && (asMember && node.target ? [node.target, ...node.args] : node.args)[wrong.argument]
      return wrong ? this.report(wrong.message, argument ?? node) : result
    }
    const shown = argTypes.map((type) => this.known.apply(type, true).text)
    return this.report(`found no matching overload for '${found.name}' applied to '${asMember ? `${shown[0]}.` : ''}(${shown.slice(asMember ? 1 : 0).join(', ')})'`, node)
  }

  /** The signature with type variables of its own. */
  private instantiate(one: Overload): { parameters: readonly CelType[]; result: CelType } {
    if (!isGeneric(one)) return one
    const names = new Map<string, CelType>()
    const replace = (type: CelType): CelType => {
      if (type.kind !== 'param') return rebuild(type, replace)
      let variable = names.get(type.name)
      if (!variable) names.set(type.name, variable = this.known.freshVariable())
      return variable
    }
    return { parameters: one.parameters.map(replace), result: replace(one.result) }
  }

  /** The common type of elements so far and one more. */
  private join(before: CelType | undefined, type: CelType): CelType {
    if (!before) return type
    if (this.known.assignable(before, type)) return this.known.mostGeneral(before, type)
    return dynType
  }

  /** Refuses lists and maps with elements of different types. */
  checkLiterals(): void {
    const one = (nodes: readonly (readonly [CelNode, boolean])[]) => {
      const types = nodes.map(([node, optional]) => {
        const type = this.known.apply(node.type ?? dynType, true)
        return optional ? type.params[0] ?? dynType : type
      })
      const wrong = types.findIndex((type) => !sameType(type, types[0] ?? type))
      const node = nodes[wrong]?.[0]
      if (node) this.report(`expected type '${types[0]?.text}' but found '${types[wrong]?.text}'`, node)
    }
    for (const node of this.literals) {
      if (node.kind === 'list') one(node.items.map(({ value, optional }) => [value, optional]))
      else {
        one(node.entries.map(({ key }) => [key, false]))
        one(node.entries.map(({ value, optional }) => [value, optional]))
      }
    }
  }

  private unwrap(type: CelType, node: CelNode): CelType {
    const known = this.known.apply(type)
    if (known.kind === 'optional') return known.params[0] ?? dynType
    if (known.kind === 'dyn' || known.kind === 'error') return dynType
    return this.report(`expected type 'optional_type(${known.text})' but found '${known.text}'`, node)
  }

  private list(node: ListNode, scope: Scope | undefined): CelType {
    let item: CelType | undefined
    for (const { value, optional } of node.items) {
      const type = this.check(value, scope)
      item = this.join(item, optional ? this.unwrap(type, value) : type)
    }
    if (this.inFormat === 0) this.literals.push(node)
    return listType(item ?? this.known.freshVariable())
  }

  private map(node: MapNode, scope: Scope | undefined): CelType {
    let key: CelType | undefined
    let item: CelType | undefined
    for (const entry of node.entries) {
      key = this.join(key, this.check(entry.key, scope))
      const type = this.check(entry.value, scope)
      item = this.join(item, entry.optional ? this.unwrap(type, entry.value) : type)
    }
    if (this.inFormat === 0) this.literals.push(node)
    return mapType(key ?? this.known.freshVariable(), item ?? this.known.freshVariable())
  }

  private struct(node: StructNode, scope: Scope | undefined): CelType {
    let type: CelType | undefined
    for (const candidate of candidates(node.name, this.container)) if ((type = this.findType(candidate))) break
    if (!type) return this.undeclared(node.name, node)
    if (!type.field) return this.report(`'${type.name}' is not a message type`, node)
    node.name = type.name
    for (const entry of node.fields) {
      const given = this.check(entry.value, scope)
      const actual = entry.optional ? this.unwrap(given, entry.value) : given
      const field = type.field(entry.name)
      if (!field) this.report(`undefined field '${entry.name}'`, entry)
      else if (!this.known.assignable(field.type, actual)) {
        this.report(`expected type of field '${entry.name}' is '${field.type.text}' but provided type is '${this.known.apply(actual, true).text}'`, entry)
      }
    }
    return type
  }

  private comprehension(node: ComprehensionNode, scope: Scope | undefined): CelType {
    const range = this.known.apply(this.check(node.range, scope))
    const [key, item] = this.rangeTypes(range, node)
    let inner: Scope = { name: node.first, type: node.second === undefined && range.kind !== 'map' ? item : key, parent: scope }
    if (node.second !== undefined) inner = { name: node.second, type: item, parent: inner }
    const condition = node.condition && this.check(node.condition, inner)
    const body = this.check(node.body, inner)
    if (condition) this.wantBool(condition, node, node.macro.startsWith('transformMap') ? mapType(dynType, dynType) : listType(body))
    switch (node.macro) {
      case 'all': case 'exists': return this.wantOperand(body, node.body)
      case 'existsOne': return this.wantBool(body, node, intType)
      case 'filter': {
        this.wantBool(body, node, listType(node.second === undefined && range.kind === 'map' ? key : item))
        return listType(node.second === undefined && range.kind === 'map' ? key : item)
      }
      case 'map': case 'transformList': return listType(body)
      case 'sortBy': {
        const by = this.known.apply(body)
        if (range.kind === 'map' || !sortable.has(by.kind)) return this.report(`found no matching overload for '@sortByAssociatedKeys' applied to '${range.text}.(list(${by.text}))'`, node)
        return listType(item)
      }
      case 'transformMap': return mapType(key, body)
      case 'transformMapEntry': {
        const entry = this.known.apply(body)
        if (entry.kind !== 'map' && entry.kind !== 'dyn' && entry.kind !== 'error') return this.report(`found no matching overload for 'cel.@mapInsert' applied to '(map(dyn, dyn), ${this.known.apply(entry, true).text})'`, node)
        return entry
      }
    }
  }

  private rangeTypes(range: CelType, node: ComprehensionNode): [key: CelType, item: CelType] {
    switch (range.kind) {
      case 'list': return [intType, range.params[0] ?? dynType]
      case 'map': return [range.params[0] ?? dynType, range.params[1] ?? dynType]
      case 'dyn': case 'error': case 'any': return [dynType, dynType]
      case 'param':
        this.known.assignable(range, dynType)
        return [dynType, dynType]
      default: {
        const type = this.report(`expression of type '${range.text}' cannot be range of a comprehension (must be list, map, or dynamic)`, node.range)
        return [type, type]
      }
    }
  }

  /** An operand of `&&` or `||`, also of those that `all` and `exists` stand for. */
  private wantOperand(type: CelType, node: CelNode): CelType {
    return this.known.assignable(type, boolType) ? boolType : this.report(`expected type 'bool' but found '${this.known.apply(type, true).text}'`, node)
  }

  private wantBool(type: CelType, node: CelNode, result: CelType): CelType {
    if (this.known.assignable(type, boolType)) return boolType
    const shown = this.known.apply(type, true).text
    const made = this.known.apply(result, true).text
    return this.report(`found no matching overload for '_?_:_' applied to '(${shown}, ${made}, ${made})'`, node)
  }

  private bind(node: BindNode, scope: Scope | undefined): CelType {
    const value = this.check(node.value, scope)
    let type = value
    if (node.optional) {
      const known = this.known.apply(value)
      if (known.kind !== 'optional' && known.kind !== 'dyn' && known.kind !== 'error') {
        return this.report(`found no matching overload for 'hasValue' applied to '${known.text}.()'`, node)
      }
      type = known.params[0] ?? dynType
    }
    const body = this.check(node.body, { name: node.name, type, parent: scope })
    if (node.optional === 'map') return optionalType(body)
    return body
  }
}

const generic = new WeakMap<Overload, boolean>()

function isGeneric(one: Overload): boolean {
  let known = generic.get(one)
  if (known === undefined) {
    const has = (type: CelType): boolean => type.kind === 'param' || type.params.some(has)
    generic.set(one, known = one.parameters.some(has) || has(one.result))
  }
  return known
}

/** The full names a name may mean inside a container, the innermost first; a leading dot means the name as it is. */
export function candidates(name: string, container: string): string[] {
  if (name.startsWith('.')) return [name.slice(1)]
  if (container === '') return [name]
  const found: string[] = []
  for (let prefix = container; ; prefix = prefix.slice(0, prefix.lastIndexOf('.'))) {
    found.push(`${prefix}.${name}`)
    if (!prefix.includes('.')) break
  }
  return [...found, name]
}

/** `a.b.c` of a chain of plain selections from a name. */
export function dottedName(node: CelNode): string | undefined {
  if (node.kind === 'ident') return node.name
  if (node.kind !== 'select' || node.test || node.optional) return undefined
  const operand = dottedName(node.operand)
  return operand === undefined ? undefined : `${operand}.${node.field}`
}

function isLocal(name: string, scope: Scope | undefined): boolean {
  const first = name.split('.', 1)[0]
  for (let at = scope; at; at = at.parent) if (at.name === first) return true
  return false
}
