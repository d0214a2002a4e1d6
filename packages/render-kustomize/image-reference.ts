import { goPattern } from './selector.ts'

/** Name, tag and digest of an image reference; a port in the host is no tag. */
export function splitImage(image: string): { name: string; tag: string; digest: string } {
  const slash = image.indexOf('/')
  const from = slash > 0 ? slash : 0
  const at = image.indexOf('@', from)
  const colon = image.indexOf(':', from)
  if (at < 0 && colon < 0) return { name: image, tag: '', digest: '' }
  if (at >= 0 && (colon < 0 || at < colon)) return { name: image.slice(0, at), tag: '', digest: image.slice(at + 1) }
  if (at >= 0) return { name: image.slice(0, colon), tag: image.slice(colon + 1, at), digest: image.slice(at + 1) }
  return { name: image.slice(0, colon), tag: image.slice(colon + 1), digest: '' }
}

const REST = '(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$'
const SIMPLE = /^[A-Za-z0-9_/:.-]*$/

/** A test whether an image has the given name, which kustomize reads as a regular expression. */
export function imageMatcher(name: string): (image: string) => boolean {
  // Without repetition JavaScript's own expressions mean the same and cannot run away.
  const pattern = SIMPLE.test(name) ? new RegExp(`^${name}${REST}`) : goPattern(`^${name}${REST}`)
  return (image) => pattern.test(image)
}
