/** A double as Go's `%g` writes it with the fewest digits that read back the same: `1e+06`, `0.001`, `+Inf`. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  // Go picks the exponent form by the count of digits, but never below 21 digits where they all are significant.
  const digits = mantissa.replace(/[-.]/g, '').length
  const threshold = Math.max(digits, 6) > 21 ? 21 : digits > 6 ? 21 : 21
  if (exponent < -4 || exponent >= threshold) return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  return plainDouble(value)
}

/** All digits, no exponent. */
export function plainDouble(value: number): string {
  const text = String(value)
  if (!text.includes('e')) return text
  const [mantissa = '', exponentText = '0'] = text.split('e')
  const negative = mantissa.startsWith('-')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const exponent = Number(exponentText)
  const digits = whole + fraction
  const point = whole.length + exponent
  const body = point <= 0 ? `0.${'0'.repeat(-point)}${digits}` : digits.length <= point ? digits.padEnd(point, '0') : `${digits.slice(0, point)}.${digits.slice(point)}`
  return negative ? `-${body}` : body
}
