import type { Labels } from '@idp/lang-promql'

/** One label with one value, and the series that have it in the order they were made. There is one such object for all of them. */
export interface Posting<S> { readonly name: string; readonly value: string; readonly id: number; members: S[] }

/** The inverted index: label names to values to series. It is also where label texts are kept once. */
export interface LabelIndex<S> {
  /** The postings of a label set, made where they are new, in the order of the set. Empty values do not count. */
  postings(labels: Labels): Posting<S>[]
  values(name: string): ReadonlyMap<string, Posting<S>> | undefined
  names(): Iterable<string>
  /** Takes series out of the postings of their labels. */
  remove(gone: ReadonlySet<S>, labels: Iterable<Labels>): void
}

export function createLabelIndex<S>(): LabelIndex<S> {
  const names = new Map<string, { readonly name: string; readonly values: Map<string, Posting<S>> }>()
  let nextId = 0
  const posting = (given: string, value: string): Posting<S> => {
    let known = names.get(given)
    if (known === undefined) {
      known = { name: detached(given), values: new Map() }
      names.set(known.name, known)
    }
    const found = known.values.get(value)
    if (found !== undefined) return found
    const made: Posting<S> = { name: known.name, value: detached(value), id: nextId++, members: [] }
    known.values.set(made.value, made)
    return made
  }
  return {
    postings(labels) {
      const all: Posting<S>[] = []
      for (const name in labels) {
        const value = labels[name]
        if (value !== undefined && value !== '') all.push(posting(name, value))
      }
      return all
    },
    values: (name) => names.get(name)?.values,
    names: () => names.keys(),
    remove(gone, labels) {
      const touched = new Set<Posting<S>>()
      for (const set of labels) for (const one of this.postings(set)) touched.add(one)
      for (const one of touched) {
        one.members = one.members.filter((series) => !gone.has(series))
        if (one.members.length > 0) continue
        const values = names.get(one.name)?.values
        values?.delete(one.value)
        if (values?.size === 0) names.delete(one.name)
      }
    },
  }
}

/** One short text for one label set, whatever order its labels were written in: the numbers of its postings. */
export function postingsKey(postings: readonly Posting<unknown>[]): string {
  const ids = new Uint16Array(postings.length * 2)
  postings.map(({ id }) => id).sort((a, b) => a - b).forEach((id, i) => { ids[2 * i] = id & 0xffff; ids[2 * i + 1] = id >>> 16 })
  return String.fromCharCode(...ids)
}

/** A copy that holds nothing else: a part of a text keeps the whole text in memory. */
function detached(text: string): string {
  return Buffer.from(text).toString()
}
