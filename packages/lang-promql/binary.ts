import { CodedError } from '@idp/kit'
import type { Binary, Matching } from './ast.ts'
import { labelsKey, labelsText, metricName, omitLabels, pickLabels, withLabel, withoutName, type Labels } from './labels.ts'
import { emptyRow, type Row, type Value } from './value.ts'

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b, '^': (a, b) => power(a, b), atan2: Math.atan2,
}
const comparison: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b, '!=': (a, b) => a !== b, '<': (a, b) => a < b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '>=': (a, b) => a >= b,
}

/** As Go's `math.Pow`: one to whatever power is one, even to NaN or infinity. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b
}

/** What two numbers give, or undefined where a comparison filters them out; `kept` is what a true comparison gives. */
function combine(expr: Binary, a: number, b: number, kept: number): number | undefined {
  const compute = arithmetic[expr.op]
  if (compute !== undefined) return compute(a, b)
  const holds = comparison[expr.op]
  if (holds === undefined) throw new CodedError({ code: 'Unsupported', message: `operator ${expr.op} works on native histograms, which are not supported` })
  if (expr.bool) return holds(a, b) ? 1 : 0
  return holds(a, b) ? kept : undefined
}

/** Throws CodedError `BadMatching`, `Unsupported`. */
export function evaluateBinary(expr: Binary, left: Value, right: Value, steps: number): Value {
  if (left.type === 'string' || right.type === 'string') throw new CodedError({ code: 'BadExpression', message: 'operators do not take strings' })
  if (left.type === 'scalar' && right.type === 'scalar') {
    return { type: 'scalar', values: left.values.map((a, step) => combine(expr, a, right.values[step] ?? NaN, NaN) ?? NaN) }
  }
  if (left.type === 'vector' && right.type === 'vector') {
    return { type: 'vector', rows: setOperators[expr.op]?.(left.rows, right.rows, expr.matching, steps) ?? matchVectors(expr, left.rows, right.rows, steps) }
  }
  const [vector, scalar, swapped] = left.type === 'vector' ? [left, right, false] : [right, left, true]
  return { type: 'vector', rows: (vector as Extract<Value, { type: 'vector' }>).rows.flatMap((row) => withScalar(expr, row, (scalar as Extract<Value, { type: 'scalar' }>).values, swapped)) }
}

const dropsName = ({ op, bool }: Binary): boolean => bool || op in arithmetic

function withScalar(expr: Binary, row: Row, scalar: Float64Array, swapped: boolean): Row[] {
  const result = emptyRow(dropsName(expr) ? withoutName(row.labels) : row.labels, scalar.length)
  let found = false
  for (let step = 0; step < scalar.length; step++) {
    if (row.has[step] !== 1) continue
    const [vector, other] = [row.values[step] ?? NaN, scalar[step] ?? NaN]
    const value = swapped ? combine(expr, other, vector, vector) : combine(expr, vector, other, vector)
    if (value === undefined) continue
    result.values[step] = value
    result.has[step] = 1
    found = true
  }
  return found ? [result] : []
}

const signature = ({ on, labels }: Matching) => (of: Labels): string => labelsKey(on ? pickLabels(of, labels) : omitLabels(of, [...labels, metricName]))

type SetOperator = (left: readonly Row[], right: readonly Row[], matching: Matching, steps: number) => readonly Row[]

/** Steps at which any row of a signature has a value. */
function presence(rows: readonly Row[], matching: Matching, steps: number): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  const sign = signature(matching)
  for (const row of rows) {
    const key = sign(row.labels)
    const any = found.get(key) ?? new Uint8Array(steps)
    for (let step = 0; step < steps; step++) if (row.has[step] === 1) any[step] = 1
    found.set(key, any)
  }
  return found
}

function filtered(rows: readonly Row[], keep: (row: Row) => (step: number) => boolean): Row[] {
  return rows.flatMap((row) => {
    const wanted = keep(row)
    const has = row.has.map((one, step) => (one === 1 && wanted(step) ? 1 : 0))
    return has.includes(1) ? [{ ...row, has }] : []
  })
}

const setOperators: Readonly<Record<string, SetOperator>> = {
  and: (left, right, matching, steps) => {
    const there = presence(right, matching, steps)
    return filtered(left, (row) => { const any = there.get(signature(matching)(row.labels)); return (step) => any?.[step] === 1 })
  },
  unless: (left, right, matching, steps) => {
    const there = presence(right, matching, steps)
    return filtered(left, (row) => { const any = there.get(signature(matching)(row.labels)); return (step) => any?.[step] !== 1 })
  },
  or: (left, right, matching, steps) => {
    const there = presence(left, matching, steps)
    const more = filtered(right, (row) => { const any = there.get(signature(matching)(row.labels)); return (step) => any?.[step] !== 1 })
    return [...left, ...more]
  },
}

/** One-to-one, many-to-one and one-to-many matching; what may not be told apart is an error, at the step where it happens. */
function matchVectors(expr: Binary, left: readonly Row[], right: readonly Row[], steps: number): readonly Row[] {
  const { matching, fill } = expr
  // The "one" side is looked up by signature; `group_right` turns the sides round.
  const swapped = matching.group === 'right'
  const [many, one] = swapped ? [right, left] : [left, right]
  // As upstream, fills are meant for the sides after they were turned round.
  const { left: fillMany, right: fillOne } = fill
  const sign = signature(matching)
  const bySignature = new Map<string, Row[]>()
  for (const row of one) {
    const key = sign(row.labels)
    const rows = bySignature.get(key)
    if (rows === undefined) bySignature.set(key, [row])
    else rows.push(row)
  }
  const results = new Map<string, Row>()
  const put = (labels: Labels, step: number, value: number): void => {
    const key = labelsKey(labels)
    const row = results.get(key) ?? emptyRow(labels, steps)
    if (row.has[step] === 1) {
      throw new CodedError({ code: 'BadMatching', message: matching.group === undefined
        ? 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
        : 'multiple matches for labels: grouping labels must ensure unique matches' })
    }
    row.values[step] = value
    row.has[step] = 1
    results.set(key, row)
  }
  const meet = (manySide: number, oneSide: number): number | undefined => (swapped ? combine(expr, oneSide, manySide, manySide) : combine(expr, manySide, oneSide, manySide))
  const taken = new Map<string, Uint8Array>()
  const paired = new Map<string, Uint8Array>()
  checkUnique(bySignature, matching, steps, swapped ? 'left' : 'right', new Set(many.map((row) => sign(row.labels))))
  for (const row of many) {
    const key = sign(row.labels)
    const partners = bySignature.get(key) ?? []
    const seen = paired.get(key) ?? new Uint8Array(steps)
    paired.set(key, seen)
    const mine = taken.get(key) ?? new Uint8Array(steps)
    taken.set(key, mine)
    for (let step = 0; step < steps; step++) {
      if (row.has[step] !== 1) continue
      const partner = partners.find((candidate) => candidate.has[step] === 1)
      if (partner === undefined && fillOne === undefined) continue
      seen[step] = 1
      const value = meet(row.values[step] ?? NaN, partner?.values[step] ?? fillOne ?? NaN)
      if (matching.group === undefined) {
        // Even a pair that a comparison filters out counts as a match.
        if (mine[step] === 1) throw new CodedError({ code: 'BadMatching', message: 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)' })
        mine[step] = 1
      }
      if (value !== undefined) put(resultLabels(expr, row.labels, partner?.labels), step, value)
    }
  }
  if (fillMany !== undefined) {
    for (const [key, rows] of bySignature) {
      for (const row of rows) {
        for (let step = 0; step < steps; step++) {
          if (row.has[step] !== 1 || paired.get(key)?.[step] === 1) continue
          const value = meet(fillMany, row.values[step] ?? NaN)
          const base = matching.on ? pickLabels(row.labels, matching.labels) : omitLabels(row.labels, [...matching.labels, metricName])
          if (value !== undefined) put(resultLabels(expr, base, row.labels), step, value)
        }
      }
    }
  }
  return [...results.values()]
}

function checkUnique(bySignature: ReadonlyMap<string, readonly Row[]>, matching: Matching, steps: number, side: string, wanted: ReadonlySet<string>): void {
  for (const [key, rows] of bySignature) {
    if (rows.length < 2 || !wanted.has(key)) continue
    for (let step = 0; step < steps; step++) {
      const [first, second] = rows.filter((row) => row.has[step] === 1)
      if (first === undefined || second === undefined) continue
      const group = matching.on ? pickLabels(first.labels, matching.labels) : omitLabels(first.labels, [...matching.labels, metricName])
      throw new CodedError({ code: 'BadMatching', message: `found duplicate series for the match group ${labelsText(group)} on the ${side} hand-side of the operation: [${labelsText(first.labels)}, ${labelsText(second.labels)}];many-to-many matching not allowed: matching labels must be unique on one side` })
    }
  }
}

function resultLabels(expr: Binary, many: Labels, one: Labels | undefined): Labels {
  const { matching } = expr
  let labels = dropsName(expr) ? withoutName(many) : many
  if (matching.group === undefined) return matching.on ? pickLabels(labels, matching.labels) : omitLabels(labels, matching.labels)
  for (const name of matching.include) labels = withLabel(labels, name, one?.[name] ?? '')
  return labels
}
