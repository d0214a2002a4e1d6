import { CodedError } from '@idp/kit'

/**
 * The part of jq that names places in an object, which is what `ignoreDifferences.jqPathExpressions` is for:
 * `.a.b`, `."a.b/c"`, `.a["b"]`, `.a[0]`, `.a[]`, `?` after any of them, `| select(.x == "y")` (also `!=`, `test("re")`,
 * `and`, `or`, parentheses-free), and several paths joined by `,`.
 */
export type JqStep =
  | { readonly step: 'key'; readonly key: string }
  | { readonly step: 'index'; readonly index: number }
  | { readonly step: 'each' }
  | { readonly step: 'select'; readonly test: (value: unknown) => boolean }

/** Throws CodedError `JqUnsupported` that names the expression. */
export function parseJqPaths(expression: string): readonly (readonly JqStep[])[] {
  const reader: Reader = { text: expression, at: 0 }
  const paths: JqStep[][] = []
  do paths.push(readPipe(reader))
  while (accept(reader, ','))
  blanks(reader)
  if (reader.at < expression.length) throw unsupported(reader)
  return paths
}

interface Reader { readonly text: string; at: number }

function readPipe(reader: Reader): JqStep[] {
  const steps = readPath(reader)
  while (accept(reader, '|')) {
    blanks(reader)
    if (/^select\s*\(/.test(reader.text.slice(reader.at))) steps.push(readSelect(reader))
    else steps.push(...readPath(reader))
  }
  return steps
}

function readPath(reader: Reader): JqStep[] {
  blanks(reader)
  if (reader.text[reader.at] !== '.') throw unsupported(reader)
  const steps: JqStep[] = []
  for (;;) {
    const rest = reader.text.slice(reader.at)
    const name = /^\.\s*([A-Za-z_][A-Za-z0-9_]*)/.exec(rest)
    const quoted = /^\.?\s*(?:\[\s*("(?:[^"\\]|\\.)*")\s*\]|("(?:[^"\\]|\\.)*"))/.exec(rest)
    const index = /^\.?\[\s*(-?\d+)\s*\]/.exec(rest)
    const each = /^\.?\[\s*\]/.exec(rest)
    const whole = steps.length === 0 && /^\.(?=\s*(?:$|[|,)]))/.exec(rest)
    const taken = name ?? (quoted !== null && (rest.startsWith('.') || rest.startsWith('[')) ? quoted : null) ?? index ?? each
    if (taken === null || taken === undefined) {
      if (whole) { reader.at += 1; return steps }
      if (steps.length === 0) throw unsupported(reader)
      return steps
    }
    reader.at += taken[0].length
    if (taken === name) steps.push({ step: 'key', key: name[1] ?? '' })
    else if (taken === quoted) steps.push({ step: 'key', key: JSON.parse(quoted[1] ?? quoted[2] ?? '""') as string })
    else if (taken === index) steps.push({ step: 'index', index: Number(index[1]) })
    else steps.push({ step: 'each' })
    while (reader.text[reader.at] === '?') reader.at++
  }
}

function readSelect(reader: Reader): JqStep {
  reader.at += /^select\s*\(/.exec(reader.text.slice(reader.at))?.[0].length ?? 0
  let test = readTest(reader)
  for (;;) {
    const joint = /^\s*(and|or)\b/.exec(reader.text.slice(reader.at))
    if (joint === null) break
    reader.at += joint[0].length
    const [left, right] = [test, readTest(reader)]
    test = joint[1] === 'and' ? (value) => left(value) && right(value) : (value) => left(value) || right(value)
  }
  if (!accept(reader, ')')) throw unsupported(reader)
  return { step: 'select', test }
}

function readTest(reader: Reader): (value: unknown) => boolean {
  const path = readPath(reader)
  const values = (value: unknown): unknown[] => placesOf(value, path).map((place) => readPlace(value, place))
  blanks(reader)
  const rest = reader.text.slice(reader.at)
  const compared = /^(==|!=)\s*("(?:[^"\\]|\\.)*"|true|false|null|-?\d+(?:\.\d+)?)/.exec(rest)
  if (compared !== null) {
    reader.at += compared[0].length
    const literal: unknown = JSON.parse(compared[2] ?? 'null')
    const equal = compared[1] === '=='
    return (value) => {
      const found = values(value)
      return (found.length === 0 ? [null] : found).some((one) => ((one ?? null) === literal) === equal)
    }
  }
  const matched = /^\|\s*(test|startswith|endswith|contains)\s*\(\s*("(?:[^"\\]|\\.)*")\s*\)/.exec(rest)
  if (matched !== null) {
    reader.at += matched[0].length
    const text = JSON.parse(matched[2] ?? '""') as string
    const holds = stringTest(matched[1] ?? '', text)
    return (value) => values(value).some((one) => typeof one === 'string' && holds(one))
  }
  return (value) => values(value).some((one) => one !== undefined && one !== null && one !== false)
}

function stringTest(name: string, text: string): (value: string) => boolean {
  if (name === 'startswith') return (value) => value.startsWith(text)
  if (name === 'endswith') return (value) => value.endsWith(text)
  if (name === 'contains') return (value) => value.includes(text)
  const pattern = new RegExp(text)
  return (value) => pattern.test(value)
}

export type Place = readonly (string | number)[]

/** All places of `value` that the steps name. */
export function placesOf(value: unknown, steps: readonly JqStep[]): Place[] {
  let found: { at: (string | number)[]; value: unknown }[] = [{ at: [], value }]
  for (const step of steps) found = found.flatMap((one) => nextPlaces(one, step))
  return found.map((one) => one.at)
}

function nextPlaces(from: { at: (string | number)[]; value: unknown }, step: JqStep): { at: (string | number)[]; value: unknown }[] {
  const { at, value } = from
  if (step.step === 'select') return step.test(value) ? [from] : []
  if (value === null || typeof value !== 'object') return []
  if (step.step === 'key') return Object.hasOwn(value, step.key) ? [{ at: [...at, step.key], value: (value as Record<string, unknown>)[step.key] }] : []
  if (step.step === 'each') return Object.entries(value).map(([key, inner]) => ({ at: [...at, Array.isArray(value) ? Number(key) : key], value: inner as unknown }))
  if (!Array.isArray(value)) return []
  const index = step.index < 0 ? value.length + step.index : step.index
  return index in value ? [{ at: [...at, index], value: value[index] as unknown }] : []
}

export function readPlace(value: unknown, place: Place): unknown {
  return place.reduce<unknown>((inner, key) => (inner !== null && typeof inner === 'object' ? (inner as Record<string | number, unknown>)[key] : undefined), value)
}

function blanks(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++
}

function accept(reader: Reader, token: string): boolean {
  blanks(reader)
  if (!reader.text.startsWith(token, reader.at)) return false
  reader.at += token.length
  return true
}

function unsupported({ text, at }: Reader): CodedError {
  return new CodedError({
    code: 'JqUnsupported', message: `the jq path expression is not understood from column ${at + 1} on`, where: text,
    remedy: 'Use paths such as .spec.a[]."b.c" and select(.name == "x")',
  })
}
