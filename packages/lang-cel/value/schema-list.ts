import type { CelValue } from './value.ts'

/**
 * A list whose order means nothing: of unique elements (`set`), or of objects with key fields (`map`). `keyOf` tells elements apart. Equal
 * when both have the same elements, whatever the order; `+` keeps the left one's order and, in a `map`, replaces elements of equal keys.
 */
export class UnorderedList extends Array<CelValue> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }
  readonly keyOf: (item: CelValue) => string
  constructor(items: readonly CelValue[], keyOf: (item: CelValue) => string) {
    super()
    for (const item of items) this.push(item)
    this.keyOf = keyOf
  }

  equals(other: readonly CelValue[], same: (a: CelValue, b: CelValue) => boolean): boolean {
    if (other.length !== this.length) return false
    const byKey = new Map(other.map((item) => [this.keyOf(item), item]))
    return this.every((item) => {
      const match = byKey.get(this.keyOf(item))
      return match !== undefined && same(item, match)
    })
  }

  merge(other: readonly CelValue[]): UnorderedList {
    const byKey = new Map(this.map((item) => [this.keyOf(item), item]))
    for (const item of other) byKey.set(this.keyOf(item), item)
    return new UnorderedList([...byKey.values()], this.keyOf)
  }
}
