import type { DigestAlgorithm, SprigHost } from '@idp/lang-gotemplate/core'
import { digestHex } from '@idp/lang-gotemplate/core'

/** What the machine gives to rendering; all of it may be absent, and what needs it then refuses by name. */
export interface RenderHost extends SprigHost {
  /** Unpacks gzip; undefined when that would be more than `most` bytes. Throws for what is no gzip. */
  readonly gunzip?: (bytes: Uint8Array, most: number) => Uint8Array | undefined
}

let current: RenderHost = {}

/** Says what the machine gives, once, before anything is rendered; index.ts does so with what Node has. */
export function useHost(host: RenderHost): void {
  current = host
}

export function renderHost(): RenderHost {
  return current
}

/** A digest in hex. */
export function digestOf(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  return (current.digest ?? digestHex)(algorithm, bytes)
}
