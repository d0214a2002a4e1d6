import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '@idp/kit'
import { instantQuery, labelsKey, labelsText, matchesAll, parsePromql, rangeQuery, type Answer, type Labels, type SampleSource, type Series } from '@idp/lang-promql'
import { readScript, type Command, type Expected } from './script.ts'

/** Runs Prometheus' promqltest scripts (`*.test` below the folders of `--cases`); one check is one `eval`. Evals that look at native histograms count as failed and are numbered apart. */
export async function run(args: readonly string[]) {
  const failures: { name: string; reason: string }[] = []
  const perFile: Record<string, string> = {}
  let [total, histograms] = [0, 0]
  for (const root of args.slice(args.indexOf('--cases') + 1).filter((word) => !word.startsWith('--'))) {
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test')).sort()) {
      const store = new Map<string, { labels: Labels; t: number[]; v: number[]; histograms: boolean }>()
      const source: SampleSource = { select: (matchers, start, end) => [...store.values()].filter(({ labels }) => matchesAll(labels, matchers)).map((series) => between(series, start, end)).filter(({ t }) => t.length > 0) }
      let [mine, good] = [0, 0]
      const text = readFileSync(join(root, file), 'utf8')
      let commands: readonly Command[]
      try {
        commands = readScript(text)
      } catch (error) {
        // Syntax of scripts that this runner does not read: every check of the file counts as failed.
        mine = text.match(/^eval/gm)?.length ?? 1
        failures.push(...Array.from({ length: mine }, () => ({ name: file, reason: `script not read: ${messageOf(error)}` })))
        commands = []
      }
      for (const command of commands) {
        if (command.type === 'clear') store.clear()
        else if (command.type === 'load') for (const series of command.series) load(store, series, command.step)
        else {
          mine++
          const reason = check(command, source)
          if (reason === undefined) good++
          else {
            const native = command.rows.some((row) => row.histograms) || [...store.values()].some((series) => series.histograms)
            if (native) histograms++
            failures.push({ name: `${file}:${command.line}: ${command.query}`, reason: native ? `native histograms: ${reason}` : reason })
          }
        }
      }
      total += mine
      perFile[file] = `${good}/${mine}`
    }
  }
  return { suite: 'promql', passed: total - failures.length, total, failuresWithNativeHistograms: histograms, perFile, failures }
}

function load(store: Map<string, { labels: Labels; t: number[]; v: number[]; histograms: boolean }>, { labels, values, histograms }: Expected, step: number): void {
  const key = labelsKey(labels)
  const series = store.get(key) ?? { labels, t: [], v: [], histograms: false }
  series.histograms ||= histograms
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue
    series.t.push(index * step)
    series.v.push(value)
  }
  store.set(key, series)
}

function between({ labels, t, v }: Series, start: number, end: number): Series {
  const wanted = Array.from(t).flatMap((at, index) => (at >= start && at <= end ? [index] : []))
  return { labels, t: wanted.map((index) => t[index] ?? NaN), v: wanted.map((index) => v[index] ?? NaN) }
}

type Eval = Extract<Command, { type: 'eval' }>

function check({ query, at, range, expect, rows, scalar }: Eval, source: SampleSource): string | undefined {
  let answer: Answer
  try {
    const expr = parsePromql(query)
    answer = range === undefined ? instantQuery(expr, source, at ?? 0) : rangeQuery(expr, source, range)
  } catch (error) {
    if (!expect.fail) return `refused: ${messageOf(error)}`
    return expect.failText?.(messageOf(error)) === false ? `refused with another message: ${messageOf(error)}` : undefined
  }
  if (expect.fail) return 'should be refused'
  if (expect.warn !== undefined && expect.warn !== answer.warnings.length > 0) return expect.warn ? 'a warning is missing' : `warns: ${answer.warnings.join('; ')}`
  if (expect.info !== undefined && expect.info !== answer.infos.length > 0) return expect.info ? 'an info is missing' : `informs: ${answer.infos.join('; ')}`
  return compare(answer, { range, expect, rows, scalar, at })
}

function compare({ result }: Answer, { range, expect, rows, scalar, at }: Pick<Eval, 'expect' | 'rows'> & { range: Eval['range'] | undefined; scalar: number | undefined; at: number | undefined }): string | undefined {
  if (expect.text !== undefined) return result.type === 'string' && result.value === expect.text ? undefined : `want string ${expect.text}, got ${JSON.stringify(result)}`
  if (result.type === 'scalar') return scalar !== undefined && same(result.value, scalar) ? undefined : `want ${scalar}, got ${result.value}`
  if (result.type === 'string') return 'got a string'
  const got = result.type === 'vector' ? result.samples.map(({ labels, value, at: when }) => ({ labels, points: [[when, value] as const] })) : result.series
  const start = range?.start ?? expect.matrix?.start ?? at ?? 0
  const step = range?.step ?? expect.matrix?.step ?? 1
  const wanted = rows.map(({ labels, values }) => ({ labels, points: values.flatMap((value, index) => (value === undefined ? [] : [[start + index * step, value] as const])) })).filter(({ points }) => points.length > 0)
  if (got.length !== wanted.length) return `want ${wanted.length} series, got ${got.length}: ${got.slice(0, 3).map(({ labels, points }) => `${labelsText(labels)} ${points.map(([, v]) => v).join(' ')}`).join(' | ')}`
  for (const [index, want] of wanted.entries()) {
    const found = expect.ordered ? got[index] : got.find(({ labels }) => labelsKey(labels) === labelsKey(want.labels))
    if (found === undefined || labelsKey(found.labels) !== labelsKey(want.labels)) return `${labelsText(want.labels)} is missing${expect.ordered ? ' at its place' : ''}; got ${got.map(({ labels }) => labelsText(labels)).slice(0, 4).join(' | ')}`
    const ok = found.points.length === want.points.length && want.points.every(([when, value], place) => found.points[place]?.[0] === when && same(found.points[place]?.[1] ?? NaN, value))
    if (!ok) return `${labelsText(want.labels)}: want ${want.points.map(([t, v]) => `${v}@${t}`).join(' ')}, got ${found.points.map(([t, v]) => `${v}@${t}`).join(' ')}`
  }
  return undefined
}

function same(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  if (a === b) return true
  const size = Math.abs(a) + Math.abs(b)
  return size === 0 || Math.abs(a - b) / Math.min(size, Number.MAX_VALUE) < 1e-6
}
