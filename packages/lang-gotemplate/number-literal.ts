import { GoError } from './go-error.ts'
import { quoteGo, unquoteGo } from './quote.ts'

/** What a number in a template may stand for: any of an int, a uint and a float, as Go's ideal constants. */
export interface NumberLiteral { readonly int?: bigint; readonly uint?: bigint; readonly float?: number; readonly imaginary?: boolean }

const maxInt = 2n ** 63n - 1n
const minInt = -(2n ** 63n)
const maxUint = 2n ** 64n - 1n

/** Reads a number or character constant. Throws GoError with Go's message. */
export function readNumber(text: string, kind: 'character' | 'complex' | 'number'): NumberLiteral {
  if (kind === 'character') return readCharacter(text)
  if (kind === 'complex' || text.endsWith('i')) return { imaginary: true }
  const int = readInteger(text)
  const float = readFloat(text)
  if (int !== undefined) {
    return {
      ...(int <= maxInt && int >= minInt ? { int } : {}), ...(int >= 0n && int <= maxUint ? { uint: int } : {}), float: Number(int),
    }
  }
  if (float === undefined) throw new GoError(`illegal number syntax: ${quoteGo(text)}`)
  if (!/[.eEpP]/.test(text)) throw new GoError(`integer overflow: ${quoteGo(text)}`)
  if (Number.isInteger(float) && Math.abs(float) <= 2 ** 63) {
    const whole = BigInt(float)
    return { ...(whole <= maxInt ? { int: whole } : {}), ...(whole >= 0n ? { uint: whole } : {}), float }
  }
  return { float }
}

function readCharacter(text: string): NumberLiteral {
  let value: string
  try {
    value = unquoteGo(text)
  } catch {
    throw new GoError('invalid syntax')
  }
  const [only, ...rest] = value
  if (only === undefined || rest.length > 0) throw new GoError(`malformed character constant: ${text}`)
  const code = only.codePointAt(0) ?? 0
  return { int: BigInt(code), uint: BigInt(code), float: code }
}

/** An integer in Go's base-0 syntax: 12, 0x1f, 0o17, 017, 0b1, with underscores. */
export function readInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|0[oO]_?[0-7]+(?:_[0-7]+)*|0[bB]_?[01]+(?:_[01]+)*|0(?:_?[0-7]+)*|[1-9][0-9]*(?:_[0-9]+)*)$/.exec(text)
  if (match === null) return undefined
  const digits = (match[2] ?? '').replaceAll('_', '')
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits)
  return match[1] === '-' ? -value : value
}

/** A float in Go's syntax, hexadecimal too. */
export function readFloat(text: string): number | undefined {
  if (/^[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d[\d_]*)?$/.test(text)) {
    const value = Number(text.replaceAll('_', ''))
    return Number.isFinite(value) ? value : undefined
  }
  const hex = /^([+-]?)0[xX]([0-9a-fA-F_]*)(?:\.([0-9a-fA-F_]*))?[pP]([+-]?\d+)$/.exec(text)
  if (hex === null) return undefined
  const whole = (hex[2] ?? '').replaceAll('_', '')
  const fraction = (hex[3] ?? '').replaceAll('_', '')
  const value = Number.parseInt(`${whole}${fraction}` || '0', 16) * 2 ** (Number(hex[4]) - 4 * fraction.length)
  return hex[1] === '-' ? -value : value
}
