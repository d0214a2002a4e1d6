import type { Random } from '@idp/kit'
import type { GoMap, ListMemo, TemplateSet } from '@idp/lang-gotemplate/core'

/** Reads an object of a cluster: the object, a list when `name` is '', or undefined. */
export type Lookup = (apiVersion: string, kind: string, namespace: string, name: string) => GoMap | undefined

/** What functions need to know of the rendering they are called in. */
export interface RenderContext {
  /** How deep each named template is inside itself. */
  readonly included: Map<string, number>
  readonly lookup: Lookup
  readonly random: Random
  readonly now: () => number
  /** A key of a map is about to be changed in place; undefined takes it away. */
  changed(map: GoMap, key: string, value: unknown): void
  /** What an include of a template writes; `run` runs it. */
  include(name: string, data: unknown, set: TemplateSet, run: (data: unknown, memo: ListMemo | undefined) => string): string
  /** The output depends on more than its input: randomness, the clock, a cluster. */
  impure(): void
}
