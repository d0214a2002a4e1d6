import { CelOpaque, type CelType, type CelValue } from '@idp/lang-cel'
import type { JsonObject } from '@idp/formats'
import type { CelSource } from './cel-source.ts'
import type { Lookups } from './lookups.ts'

/** One evaluation of one policy: what its libraries act on. */
export interface Run {
  readonly lookups: Lookups
  readonly source: CelSource
  /** The namespace a namespaced policy may not look outside of; '' for others. */
  readonly namespace: string
  /** What `generator.Apply` was given, in order. */
  readonly generated: { readonly namespace: string; readonly object: JsonObject }[]
}

/** A library's context variable (`resource`, `http`, …): its methods are functions whose receiver is this. */
export class RunContext extends CelOpaque {
  readonly celType: CelType
  readonly run: Run
  /** With `http.Client(ca)`: the certificate authority. */
  readonly caBundle: string | undefined
  constructor(celType: CelType, run: Run, caBundle?: string) {
    super()
    this.celType = celType
    this.run = run
    this.caBundle = caBundle
  }
}

export const runOf = (receiver: CelValue | undefined): Run => (receiver as RunContext).run
