import { isRecord } from '../json-value.ts'

type Step = (values: unknown[]) => unknown[]

/**
 * Compiles a printer column's JSON path: fields, `[0]`, `[*]`, `['quoted\\.field']`, and filters `[?(@.type=="Ready")]`.
 * What cannot be read finds nothing.
 */
export function readJsonPath(path: string): (value: unknown) => unknown[] {
  const steps = parse(path)
  return (value) => steps.reduce((found, step) => step(found), [value])
}

function parse(path: string): Step[] {
  const steps: Step[] = []
  let rest = path.trim().replace(/^\$/, '')
  while (rest !== '') {
    const field = /^\.?((?:\\.|[^.[\]\\])+)/.exec(rest)
    const bracket = /^\.?\[(?:(-?\d+)|(\*)|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|\?\(@\.([\w.\\/-]+)\s*(==|!=)\s*(?:'([^']*)'|"([^"]*)"|([\w.-]+))\))\]/.exec(rest)
    if (bracket !== null) {
      steps.push(bracketStep(bracket))
      rest = rest.slice(bracket[0].length)
    } else if (field !== null) {
      const name = (field[1] ?? '').replace(/\\(.)/g, '$1')
      steps.push(name === '*' ? everyChild : (values) => values.flatMap((value) => (isRecord(value) && value[name] !== undefined ? [value[name]] : [])))
      rest = rest.slice(field[0].length)
    } else return [() => []]
  }
  return steps
}

function bracketStep([, index, star, single, double, filterPath, operator, a, b, c]: RegExpExecArray): Step {
  if (index !== undefined) return (values) => values.flatMap((value) => (Array.isArray(value) && value.at(Number(index)) !== undefined ? [value.at(Number(index)) as unknown] : []))
  if (star !== undefined) return everyChild
  if (filterPath !== undefined) {
    const read = readJsonPath(`.${filterPath}`)
    const wanted = a ?? b ?? c ?? ''
    return (values) => values.flatMap((value) => (Array.isArray(value) ? value.filter((item: unknown) => (String(read(item)[0]) === wanted) === (operator === '==')) : []))
  }
  const name = (single ?? double ?? '').replace(/\\(.)/g, '$1')
  return (values) => values.flatMap((value) => (isRecord(value) && value[name] !== undefined ? [value[name]] : []))
}

function everyChild(values: unknown[]): unknown[] {
  return values.flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : isRecord(value) ? Object.values(value) : []))
}
