const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A Go duration such as `3m` or `1h30m` in milliseconds; undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  if (!/^[-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return /^[-+]?0$/.test(text) ? 0 : undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) ms += Number(amount) * (units[unit ?? ''] ?? 0)
  return text.startsWith('-') ? -ms : ms
}
