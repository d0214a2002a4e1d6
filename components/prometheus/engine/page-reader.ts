import { CodedError } from '@idp/kit'
import { readComment, readSample, textOf, type Metadata } from './exposition.ts'

/** Characters of a line that an error shows. */
const shown = 120

/** A line of a page as it was read before: a comment, or a series with what it stands for. */
interface Line<T> { readonly text: string; readonly comment: boolean; readonly of: T | null }

/** What a page came to. `of` and `values` belong together; a time is undefined where the page gives none. */
export interface ReadPage<T> {
  readonly of: readonly T[]
  readonly values: readonly number[]
  readonly times: readonly (number | undefined)[]
  /** Lines with samples, those included that stand for nothing. */
  readonly samples: number
  readonly metadata: ReadonlyMap<string, Metadata>
  /** True when the series are others than on the page before, or stand in another order. */
  readonly changed: boolean
}

/** Reads one target's pages, one after the other. */
export interface PageReader<T> {
  /** Throws CodedError `InvalidExposition` with the first line that cannot be read; what was known then stays known. */
  read(page: string): ReadPage<T>
}

/**
 * Nearly every line of a page stood on the page before, at the same place, with another value. So lines are compared in place with the
 * lines of the page before; only what is new is cut out, parsed and handed to `resolve` (null: of no interest; undefined: not a series).
 */
export function createPageReader<T>(resolve: (series: string) => T | null | undefined): PageReader<T> {
  let lines: Line<T>[] = []
  let metadata: ReadonlyMap<string, Metadata> = new Map()

  return {
    read(page) {
      const before = lines
      const openMetrics = page.endsWith('# EOF\n') || page.endsWith('# EOF')
      const next: Line<T>[] = []
      const of: T[] = []
      const values: number[] = []
      const times: (number | undefined)[] = []
      let fresh: Map<string, Metadata> | undefined
      let byText: Map<string, number> | undefined
      let [cursor, number, samples] = [0, 0, 0]
      /** The line of the page before that begins here, and where it ends. */
      const knownAt = (start: number, end: number): Line<T> | undefined => {
        let line = before[cursor]
        if (line !== undefined && isAt(line, page, start, end)) return before[cursor++]
        const text = textOf(page, start, end)
        if (text === undefined || before.length === 0) return undefined
        byText ??= new Map(before.map((one, index) => [one.text, index]))
        const index = byText.get(text)
        if (index === undefined) return undefined
        line = before[index]
        cursor = index + 1
        return line
      }
      for (let start = 0; start < page.length;) {
        const found = page.indexOf('\n', start)
        const end = found < 0 ? page.length : found
        const begin = start
        start = end + 1
        number++
        if (end === begin || (end === begin + 1 && page[begin] === '\r')) continue
        let line = knownAt(begin, end)
        if (line === undefined) {
          const text = textOf(page, begin, end)
          if (text === undefined) throw unreadable(`line ${number}: ${page.slice(begin, Math.min(end, begin + shown))}`)
          const comment = page[begin] === '#'
          const stands = comment ? null : resolve(text)
          if (stands === undefined) throw unreadable(`series ${text.slice(0, shown)}`)
          // A part of the page would keep the whole page.
          line = { text: Buffer.from(text).toString(), comment, of: stands }
          if (comment) readComment(line.text, (fresh ??= new Map(metadata)))
        }
        next.push(line)
        if (line.comment) continue
        samples++
        const sample = readSample(page, begin + line.text.length, end, openMetrics)
        if (sample === undefined) throw unreadable(`line ${number}: ${page.slice(begin, Math.min(end, begin + shown))}`)
        if (line.of === null) continue
        of.push(line.of)
        values.push(typeof sample === 'number' ? sample : sample.value)
        times.push(typeof sample === 'number' ? undefined : sample.time)
      }
      const changed = byText !== undefined || next.length !== before.length
      lines = next
      if (fresh !== undefined) metadata = fresh
      return { of, values, times, samples, metadata, changed }
    },
  }
}

function isAt<T>(line: Line<T>, page: string, start: number, end: number): boolean {
  const { text, comment } = line
  if (comment) return end - start === text.length && page.startsWith(text, start)
  const after = page.charCodeAt(start + text.length)
  return (after === 32 || after === 9) && start + text.length < end && page.startsWith(text, start)
}

const unreadable = (what: string): CodedError => new CodedError({ code: 'InvalidExposition', message: `cannot read ${what}` })
