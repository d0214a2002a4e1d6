/** A name that follows from what it is for: prefix of at most 52 characters, then FNV-1 (32 bit) of the value as JSON. */
export function computeName(prefix: string, value: unknown): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(JSON.stringify(value))) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0
  const short = prefix.length < 52 ? prefix : prefix.slice(0, 52).replace(/[^a-zA-Z0-9]+$/, '')
  return `${short}-${hash}`
}
