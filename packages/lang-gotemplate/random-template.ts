/** Random templates and values for property tests, from a seed: the same seed gives the same case. */
export interface RandomCase { readonly template: string; readonly values: unknown }

/** A template and the values it runs on. Most run; some fail, in parsing or in execution, to compare errors too. */
export function randomCase(seed: number): RandomCase {
  const maker = new Maker(seed)
  const values = maker.map(3)
  return { template: maker.template(), values }
}

const words = ['a', 'b', 'c', 'name', 'Items', 'x1', 'é']
const texts = ['', 'x', 'hello', 'a b', 'tab\tnl\n', 'quote"s\'', '<&>', 'héllo ☃', '😀', '{}', '0', 'true', '-1', 'a.b/c?d=e f', '%d', '\\n', '\u0001', '\u00a0', '\u200b']
const numbers = [0, 1, -1, 2, 3, 7, 10, 1.5, -2.25, 1e6, 123456, 1234567, 1e20, 1e21, 0.1, 1e-5, 0.000123, 255, 1e100, 3.0]

class Maker {
  private state: number
  private variables: string[] = []
  private inRange = 0
  private readonly defined: string[] = []

  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0 || 1
  }

  private next(): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) / 2 ** 32
  }

  private below(n: number): number {
    return Math.floor(this.next() * n)
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  private maybe(chance: number): boolean {
    return this.next() < chance
  }

  /** Any value. */
  value(depth: number): unknown {
    switch (this.below(depth > 0 ? 9 : 6)) {
      case 0: return this.pick(texts)
      case 1: return this.pick(numbers)
      case 2: return this.maybe(0.5)
      case 3: return null
      case 4: return this.pick(words)
      case 5: return this.below(20)
      case 6: case 7: return this.map(depth - 1)
      default: return Array.from({ length: this.below(4) }, () => this.value(depth - 1))
    }
  }

  map(depth: number): Record<string, unknown> {
    return Object.fromEntries(Array.from({ length: this.below(5) + 2 }, () => [this.pick(words), this.value(depth)]))
  }

  template(): string {
    let out = ''
    for (let i = this.below(3); i > 0; i--) {
      const name = `t${i}`
      out += `${this.open()}define "${name}"${this.close()}${this.alone(() => this.body(1))}${this.open()}end${this.close()}`
      this.defined.push(name)
    }
    out += this.body(2)
    if (this.maybe(0.03)) out = this.broken(out)
    return out
  }

  /** Inside a template of its own there are no variables and no loop. */
  private alone(make: () => string): string {
    const [variables, inRange] = [this.variables, this.inRange]
    this.variables = []
    this.inRange = 0
    const out = make()
    this.variables = variables
    this.inRange = inRange
    return out
  }

  private broken(text: string): string {
    const at = this.below(text.length + 1)
    return text.slice(0, at) + this.pick(['{{', '}}', '{{end}}', '"', '(', ')', '{{else}}', '|', '$q', '{{/*']) + text.slice(at + this.below(3))
  }

  private open(): string {
    return this.maybe(0.2) ? '{{- ' : this.maybe(0.3) ? '{{ ' : '{{'
  }

  private close(): string {
    return this.maybe(0.2) ? ' -}}' : this.maybe(0.3) ? ' }}' : '}}'
  }

  private text(): string {
    return this.pick(['', ' ', '\n', 'text', ' \n  text\n', 'é☃', '{ }', '  '])
  }

  private body(depth: number): string {
    const inScope = this.variables.length
    let out = this.text()
    for (let i = this.below(4) + 1; i > 0; i--) out += this.statement(depth) + this.text()
    this.variables.length = inScope
    return out
  }

  private statement(depth: number): string {
    const wrap = (inside: string) => this.open() + inside + this.close()
    switch (this.below(depth > 0 ? 12 : 7)) {
      case 0: case 1: case 2: case 3: return wrap(this.pipeline(2))
      case 4: {
        const isNew = this.variables.length === 0 || this.maybe(0.6)
        const name = isNew ? `$v${this.below(4)}` : this.pick(this.variables)
        const out = wrap(`${name} ${isNew ? ':=' : '='} ${this.pipeline(2)}`)
        if (isNew) this.variables.push(name)
        return out
      }
      case 5: return this.maybe(0.3) ? `{{/* ${this.pick(words)} */}}` : this.inRange > 0 && this.maybe(0.3) ? wrap(this.pick(['break', 'continue'])) : wrap(this.pipeline(1))
      case 6: return this.defined.length > 0 ? wrap(`template "${this.pick(this.defined)}" ${this.maybe(0.8) ? this.operand(1) : ''}`) : this.text()
      case 7: case 8: {
        const chain = this.maybe(0.2) ? `${wrap(`else if ${this.pipeline(1)}`)}${this.body(depth - 1)}` : ''
        return `${wrap(`if ${this.pipeline(2)}`)}${this.body(depth - 1)}${chain}${this.orElse(depth)}${wrap('end')}`
      }
      case 9: return `${wrap(`with ${this.pipeline(1)}`)}${this.body(depth - 1)}${this.orElse(depth)}${wrap('end')}`
      default: return this.range(depth, wrap)
    }
  }

  private orElse(depth: number): string {
    return this.maybe(0.4) ? `${this.open()}else${this.close()}${this.body(depth - 1)}` : ''
  }

  private range(depth: number, wrap: (inside: string) => string): string {
    const names = this.pick([[], [], ['$e'], ['$i', '$e']])
    const head = names.length === 0 ? '' : `${names.join(', ')} := `
    const out = wrap(`range ${head}${this.maybe(0.8) ? this.operand(1) : this.pipeline(1)}`)
    this.variables.push(...names)
    this.inRange++
    const body = this.body(depth - 1)
    this.inRange--
    this.variables.length -= names.length
    return `${out}${body}${this.orElse(depth)}${wrap('end')}`
  }

  private pipeline(depth: number): string {
    let out = this.command(depth)
    while (this.maybe(0.25)) out += ` | ${this.call(depth, true)}`
    return out
  }

  private command(depth: number): string {
    return this.maybe(0.5) ? this.operand(depth) : this.call(depth, false)
  }

  private call(depth: number, piped: boolean): string {
    const arg = () => this.operand(depth - 1)
    const some = (least: number) => Array.from({ length: Math.max(least + this.below(2) - (piped ? 1 : 0), 0) }, arg).join(' ')
    const exactly = (count: number) => Array.from({ length: Math.max(count - (piped ? 1 : 0), 0) }, arg).join(' ')
    const name = this.pick(['and', 'or', 'not', 'len', 'index', 'slice', 'print', 'printf', 'println', 'html', 'js', 'urlquery', 'eq', 'ne', 'lt', 'le', 'gt', 'ge'])
    switch (name) {
      case 'and': case 'or': case 'print': case 'println': return `${name} ${some(1)}`
      case 'not': case 'len': case 'html': case 'js': case 'urlquery': return `${name} ${exactly(1)}`
      case 'index': case 'slice': return `${name} ${some(2)}`
      case 'eq': return `${name} ${some(2)}`
      case 'printf': return `printf ${this.format()} ${some(1)}`
      default: return `${name} ${exactly(2)}`
    }
  }

  private format(): string {
    const verbs = ['%v', '%d', '%s', '%q', '%x', '%X', '%t', '%T', '%f', '%.2f', '%e', '%g', '%5d', '%-5d|', '%05d', '%5s', '%+v', '%c', '%U', '%o', '%b', '%8.3f', '%%', '%6.2f', '%+d', '% d', '%.3s', '%#x', '%3v', '%G', '%E']
    return `"${Array.from({ length: this.below(3) + 1 }, () => this.pick(verbs)).join(this.pick([' ', '', ',']))}"`
  }

  private operand(depth: number): string {
    switch (this.below(depth > 0 ? 10 : 8)) {
      case 0: case 1: return `.${this.pick(words)}`
      case 2: return `.${this.pick(words)}.${this.pick(words)}`
      case 3: return '.'
      case 4: return this.variables.length > 0 ? this.pick(this.variables) + (this.maybe(0.2) ? `.${this.pick(words)}` : '') : '$'
      case 5: return this.pick(['1', '0', '-3', '2.5', '1e3', '0x1F', '\'a\'', '10', '1_0', '0b101', '0o17', '1e-7', '100000000.', '.5', '1.'])
      case 6: return this.pick(['"s"', '"a\\tb"', '`raw`', '"é\\u2603"', '""', '"%d"', '"\\x41\\101"'])
      case 7: return this.pick(['true', 'false', 'nil', `$.${this.pick(words)}`])
      case 8: return `(${this.pipeline(depth - 1)})`
      default: return `(${this.pipeline(depth - 1)}).${this.pick(words)}`
    }
  }
}
