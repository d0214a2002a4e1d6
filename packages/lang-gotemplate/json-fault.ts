/** What encoding/json says of a text that is no JSON. */
export function jsonFault(text: string): string {
  const scanner = new Scanner(text)
  try {
    scanner.value()
    scanner.space()
    if (scanner.at < text.length) scanner.fail('after top-level value')
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
  return 'invalid JSON'
}

class Fault extends Error {}

class Scanner {
  at = 0
  private readonly text: string
  private depth = 0
  constructor(text: string) {
    this.text = text
  }

  /** Complains about the character at hand. */
  fail(where: string): never {
    const code = this.text.codePointAt(this.at)
    if (code === undefined) throw new Fault('unexpected end of JSON input')
    const c = String.fromCodePoint(code)
    const shown = c === '\'' ? '\'\\\'\'' : c === '"' ? '\'"\'' : JSON.stringify(c).replace(/^"(.*)"$/, '\'$1\'')
    throw new Fault(`invalid character ${shown} ${where}`)
  }

  space(): void {
    while (' \t\r\n'.includes(this.text[this.at] ?? 'x')) this.at++
  }

  value(): void {
    this.space()
    if (++this.depth > 10_000) throw new Fault('exceeded max depth')
    const c = this.text[this.at]
    if (c === '{') this.object()
    else if (c === '[') this.array()
    else if (c === '"') this.string()
    else if (c === 't') this.literal('true')
    else if (c === 'f') this.literal('false')
    else if (c === 'n') this.literal('null')
    else if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) this.number()
    else this.fail('looking for beginning of value')
    this.depth--
  }

  private object(): void {
    this.at++
    this.space()
    if (this.text[this.at] === '}') {
      this.at++
      return
    }
    for (;;) {
      this.space()
      if (this.text[this.at] !== '"') this.fail('looking for beginning of object key string')
      this.string()
      this.space()
      if (this.text[this.at] !== ':') this.fail('after object key')
      this.at++
      this.value()
      this.space()
      if (this.text[this.at] === '}') break
      if (this.text[this.at] !== ',') this.fail('after object key:value pair')
      this.at++
    }
    this.at++
  }

  private array(): void {
    this.at++
    this.space()
    if (this.text[this.at] === ']') {
      this.at++
      return
    }
    for (;;) {
      this.value()
      this.space()
      if (this.text[this.at] === ']') break
      if (this.text[this.at] !== ',') this.fail('after array element')
      this.at++
    }
    this.at++
  }

  private string(): void {
    for (this.at++; this.text[this.at] !== '"'; this.at++) {
      const c = this.text[this.at]
      if (c === undefined) this.fail('')
      else if (c < ' ') this.fail('in string literal')
      else if (c === '\\') this.escape()
    }
    this.at++
  }

  private escape(): void {
    const c = this.text[++this.at]
    if (c === undefined || !'"\\/bfnrtu'.includes(c)) this.fail('in string escape code')
    if (c !== 'u') return
    for (let i = 0; i < 4; i++) if (!/[0-9a-fA-F]/.test(this.text[++this.at] ?? '')) this.fail('in \\u hexadecimal character escape')
  }

  private literal(word: string): void {
    for (let i = 1; i < word.length; i++) {
      this.at++
      if (this.text[this.at] !== word[i]) this.fail(`in literal ${word} (expecting '${word[i]}')`)
    }
    this.at++
  }

  private number(): void {
    const digits = (where: string) => {
      if (!/\d/.test(this.text[this.at] ?? '')) this.fail(where)
      while (/\d/.test(this.text[this.at] ?? '')) this.at++
    }
    if (this.text[this.at] === '-') this.at++
    if (this.text[this.at] === '0') this.at++
    else digits('in numeric literal')
    if (this.text[this.at] === '.') {
      this.at++
      digits('after decimal point in numeric literal')
    }
    if (/[eE]/.test(this.text[this.at] ?? '')) {
      this.at++
      if (/[+-]/.test(this.text[this.at] ?? '')) this.at++
      digits('in exponent of numeric literal')
    }
  }
}
