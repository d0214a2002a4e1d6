/** Base 64 (RFC 4648) of bytes, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // Functions take only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(binary)
}

/** The bytes of a base 64 text, padding or not. Throws what `atob` throws for anything else. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
}
