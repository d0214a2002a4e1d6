import { isMap } from '@idp/lang-gotemplate/core'
import type { Look } from './read-log.ts'

interface Change { readonly keys: Set<string>; truth: boolean; deep: boolean }

/** Where the shared data differs, at this point of the rendering, from what it was at the same point of the last one. */
export class Changes {
  private readonly byContainer = new Map<object, Change>()
  /** Grows whenever what it says changes. */
  version = 0

  private at(container: object): Change {
    this.version++
    let change = this.byContainer.get(container)
    if (change === undefined) this.byContainer.set(container, change = { keys: new Set(), truth: false, deep: false })
    return change
  }

  /** A member came, went or is another. */
  key(container: object, key: string): void {
    const change = this.at(container)
    change.keys.add(key)
    change.deep = true
  }

  /** A member is again what it was. */
  same(container: object, key: string): void {
    this.version++
    this.byContainer.get(container)?.keys.delete(key)
  }

  has(container: object, key: string): boolean {
    return this.byContainer.get(container)?.keys.has(key) === true
  }

  /** It was empty or is. */
  truth(container: object): void {
    this.at(container).truth = true
  }

  /** Something inside changed. */
  deep(container: object): void {
    this.at(container).deep = true
  }

  get isEmpty(): boolean {
    return this.byContainer.size === 0
  }

  /** Notes everything from which a change can be reached. */
  spread(roots: readonly object[]): void {
    const reaches = new Map<object, boolean>()
    const walk = (value: unknown): boolean => {
      if (!Array.isArray(value) && !isMap(value)) return false
      const known = reaches.get(value)
      if (known !== undefined) return known
      reaches.set(value, false)
      let found = this.byContainer.get(value)?.deep === true
      for (const item of Array.isArray(value) ? value : Object.values(value)) if (walk(item)) found = true
      reaches.set(value, found)
      if (found) this.deep(value)
      return found
    }
    for (const root of roots) walk(root)
  }

  /** Did a template look at any of it? */
  touch(looks: ReadonlyMap<object, Look>): boolean {
    for (const [container, change] of this.byContainer) {
      const look = looks.get(container)
      if (look !== undefined && differs(look, change)) return true
    }
    return false
  }
}

function differs(look: Look, change: Change): boolean {
  if ((look.deep && change.deep) || (look.truth && change.truth) || (look.shallow && change.keys.size > 0)) return true
  if (look.keys === undefined) return false
  for (const key of change.keys) if (look.keys.has(key)) return true
  return false
}
