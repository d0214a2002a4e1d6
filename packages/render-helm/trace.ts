import type { Template } from '@idp/lang-gotemplate/core'
import type { Look } from './read-log.ts'

/** What a template, a statement of it or an include depended on; `parts` are those of what was inside, which others may have in common. */
export class Trace {
  /** What it looked at of values and metadata. */
  looks: Map<object, Look> | undefined
  /** Templates it ran, by the name it looked up. */
  used: Map<string, Template> | undefined
  /** What it asked of the chart's files. */
  files: ((path: string) => boolean)[] | undefined
  parts: Set<Trace> | undefined
  /** It used randomness, the clock or a cluster: it must run again each time. */
  isImpure = false
  /** It changed a map that was there before: a second time would not be the same. */
  mutates = false
  /** It asked which file it is in. */
  asksFile = false
  /** The file that ran. */
  readonly file: string
  readonly outer: Trace | undefined
  /** For an include: maps it can reach but for what is shared; undefined for what is no include, or when that is not known. */
  readonly reach: Reach | undefined

  constructor(file: string, outer: Trace | undefined, reach?: Reach) {
    this.file = file
    this.outer = outer
    this.reach = reach
  }

  get isEmpty(): boolean {
    return this.looks === undefined && this.used === undefined && this.files === undefined && this.parts === undefined
  }

  add(part: Trace): void {
    if (!part.isEmpty) (this.parts ??= new Set()).add(part)
    this.isImpure ||= part.isImpure
    this.asksFile ||= part.asksFile
  }
}

/** The map an include got as its data, when that is not shared, and the one its caller made, when it was run with an earlier one of the same content. */
export interface Reach { readonly data: unknown; readonly original: unknown }
