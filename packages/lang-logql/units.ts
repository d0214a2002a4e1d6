const seconds: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, 'µs': 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 }
const sizes: Readonly<Record<string, number>> = { b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40, pib: 2 ** 50, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, pb: 1e15, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }

/** Seconds of a Go duration such as `1h2.5s`; undefined when it is none. */
export function parseSeconds(text: string): number | undefined {
  if (text === '0') return 0
  const [sign, body] = text.startsWith('-') ? [-1, text.slice(1)] : [1, text.replace(/^\+/, '')]
  let sum = 0
  let at = 0
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w|y)/y
  while (at < body.length) {
    part.lastIndex = at
    const [whole, number, unit = ''] = part.exec(body) ?? []
    if (whole === undefined) return undefined
    sum += Number(number) * (seconds[unit] ?? 0)
    at += whole.length
  }
  return body === '' ? undefined : sign * sum
}

/** Bytes of `1.5KiB`, `10MB`; undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d*)?)\s*([a-zA-Z]*)$/.exec(text.trim()) ?? []
  const size = unit === '' ? 1 : sizes[unit.toLowerCase()]
  return number === undefined || size === undefined ? undefined : Number(number) * size
}
