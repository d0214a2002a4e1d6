const LETTER = /\p{L}/u
const DIGIT = /\p{Nd}/u

const isAsciiLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
const isLetter = (code: number): boolean =>
  code < 128 ? isAsciiLetter(code) : LETTER.test(String.fromCodePoint(code))
const isDigit = (code: number): boolean => (code < 128 ? code >= 48 && code <= 57 : DIGIT.test(String.fromCodePoint(code)))

/**
 * The order in which go-yaml v2 (and so sigs.k8s.io/yaml) writes the keys of a map: like text, but runs of digits compare as
 * numbers (`a2` before `a10`) and letters come after everything else.
 */
export function compareYamlKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  let i = 0
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === length) return a.length - b.length
  const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
  if (isAsciiLetter(x) && isAsciiLetter(y)) return x - y
  return compareFrom(Array.from(a, (c) => c.codePointAt(0) ?? 0), Array.from(b, (c) => c.codePointAt(0) ?? 0))
}

function compareFrom(a: number[], b: number[]): number {
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  const x = a[i]
  const y = b[i]
  if (x === undefined || y === undefined) return a.length - b.length
  const letterX = isLetter(x)
  const letterY = isLetter(y)
  if (letterX && letterY) return x - y
  if (letterX || letterY) return letterY ? -1 : 1
  // A leading zero counts only inside a number that has begun before the difference.
  const started = (x === 48 || y === 48) && insideNumber(a, i)
  const [numberX, endX] = readNumber(a, i, started)
  const [numberY, endY] = readNumber(b, i, started)
  if (numberX !== numberY) return numberX < numberY ? -1 : 1
  return endX !== endY ? endX - endY : x - y
}

function insideNumber(text: number[], at: number): boolean {
  for (let j = at - 1; j >= 0 && isDigit(text[j] ?? 0); j--) if (text[j] !== 48) return true
  return false
}

function readNumber(text: number[], at: number, started: boolean): [number, number] {
  let value = started ? 1 : 0
  let end = at
  for (; end < text.length && isDigit(text[end] ?? 0); end++) value = value * 10 + ((text[end] ?? 48) - 48)
  return [value, end]
}
