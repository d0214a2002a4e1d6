import { CodedError } from '@idp/kit'
import { evaluateAggregate } from './aggregate.ts'
import type { Expr } from './ast.ts'
import { evaluateBinary } from './binary.ts'
import { evaluateCall } from './functions/call.ts'
import { unique } from './functions/relabel.ts'
import { withoutName } from './labels.ts'
import { selectInstant } from './select.ts'
import { relabeled, type Evaluation, type Value } from './value.ts'

/** The value of an expression at every moment of the evaluation. Throws CodedErrors that say what cannot be computed. */
export function evaluate(expr: Expr, evaluation: Evaluation): Value {
  const steps = evaluation.times.length
  switch (expr.type) {
    case 'number': return { type: 'scalar', values: new Float64Array(steps).fill(expr.value) }
    case 'string': return { type: 'string', value: expr.value }
    case 'paren': return evaluate(expr.of, evaluation)
    case 'negate': {
      const of = evaluate(expr.of, evaluation)
      if (of.type === 'scalar') return { type: 'scalar', values: of.values.map((value) => -value) }
      if (of.type !== 'vector') throw new CodedError({ code: 'BadExpression', message: 'a string has no negative' })
      return { type: 'vector', rows: unique(of.rows.map((row) => ({ ...relabeled(row, withoutName(row.labels)), values: row.values.map((value) => -value) }))) }
    }
    case 'selector': {
      if (expr.range !== undefined) throw new CodedError({ code: 'BadExpression', message: 'a range vector stands only where a function takes one' })
      return { type: 'vector', rows: selectInstant(expr, evaluation) }
    }
    case 'subquery': throw new CodedError({ code: 'BadExpression', message: 'a subquery stands only where a function takes a range vector' })
    case 'aggregate': {
      const of = evaluate(expr.of, evaluation)
      const param = expr.param === undefined ? undefined : evaluate(expr.param, evaluation)
      return { type: 'vector', rows: of.type === 'vector' ? evaluateAggregate(expr, of.rows, param, evaluation) : [] }
    }
    case 'binary': return evaluateBinary(expr, evaluate(expr.left, evaluation), evaluate(expr.right, evaluation), steps)
    case 'call': return evaluateCall(expr, evaluation, evaluate)
  }
}
