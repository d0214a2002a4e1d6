/** A Gateway API duration (GEP-2257) such as `1h30m`, `10s`, `500ms` in milliseconds; undefined when it is none or zero, which means no limit. */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|h|m|s)/g)) ms += Number(amount) * ({ h: 3_600_000, m: 60_000, s: 1000, ms: 1 }[unit ?? 'ms'] ?? 0)
  return ms === 0 ? undefined : ms
}
