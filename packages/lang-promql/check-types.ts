import type { Expr, ValueType } from './ast.ts'
import { signatures } from './functions/signatures.ts'

const nameOf: Readonly<Record<ValueType, string>> = { scalar: 'scalar', string: 'string', vector: 'instant vector', matrix: 'range vector' }
const sets = new Set(['and', 'or', 'unless'])
const comparisons = new Set(['==', '!=', '<', '<=', '>', '>='])

/** The type of an expression; `fault` makes the error for a place where another is needed. */
export function checkTypes(expr: Expr, fault: (message: string) => Error): ValueType {
  const want = (of: Expr, type: ValueType, where: string): void => {
    const is = checkTypes(of, fault)
    if (is !== type) throw fault(`expected type ${nameOf[type]} in ${where}, got ${nameOf[is]}`)
  }
  switch (expr.type) {
    case 'number': return 'scalar'
    case 'string': return 'string'
    case 'paren': return checkTypes(expr.of, fault)
    case 'selector': return expr.range === undefined ? 'vector' : 'matrix'
    case 'subquery': {
      const is = checkTypes(expr.of, fault)
      if (is !== 'vector') throw fault(`subquery is only allowed on instant vector, got ${nameOf[is]} instead`)
      return 'matrix'
    }
    case 'negate': {
      const is = checkTypes(expr.of, fault)
      if (is !== 'scalar' && is !== 'vector') throw fault(`unary expression only allowed on expressions of type scalar or instant vector, got "${nameOf[is]}"`)
      return is
    }
    case 'aggregate':
      want(expr.of, 'vector', 'aggregation expression')
      if (expr.param !== undefined) want(expr.param, expr.op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter')
      return 'vector'
    case 'binary': {
      const [left, right] = [checkTypes(expr.left, fault), checkTypes(expr.right, fault)]
      for (const is of [left, right]) if (is !== 'scalar' && is !== 'vector') throw fault('binary expression must contain only scalar and instant vector types')
      const scalars = left === 'scalar' && right === 'scalar'
      if (scalars && comparisons.has(expr.op) && !expr.bool) throw fault('comparisons between scalars must use BOOL modifier')
      if (sets.has(expr.op) && (left === 'scalar' || right === 'scalar')) throw fault(`set operator "${expr.op}" not allowed in binary scalar expression`)
      if ((left === 'scalar' || right === 'scalar') && (expr.matching.labels.length > 0 || expr.matching.on)) throw fault('vector matching only allowed between instant vectors')
      return scalars ? 'scalar' : 'vector'
    }
    case 'call': {
      const signature = signatures[expr.name]
      if (signature === undefined) throw fault(`unknown function with name "${expr.name}"`)
      const { args, optional = 0, variadic = false, returns } = signature
      const [least, most] = [args.length - optional, variadic ? Infinity : args.length]
      if (expr.args.length < least) throw fault(`expected ${least === most ? least : `at least ${least}`} argument(s) in call to "${expr.name}", got ${expr.args.length}`)
      if (expr.args.length > most) throw fault(`expected ${least === most ? most : `at most ${most}`} argument(s) in call to "${expr.name}", got ${expr.args.length}`)
      for (const [index, arg] of expr.args.entries()) want(arg, args[index] ?? args.at(-1) ?? 'vector', `call to function "${expr.name}"`)
      return returns
    }
  }
}
