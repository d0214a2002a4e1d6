/** Why a rendering failed, without the way there: what helm's and our message must agree on. */
export interface Cause { readonly kind: string; readonly place: string; readonly core: string }

/** helm's message as it is printed last, without its label and hints. */
export function helmMessage(stderr: string): string {
  const from = stderr.lastIndexOf('\nError: ')
  const text = stderr.startsWith('Error: ') && from < 0 ? stderr.slice('Error: '.length) : from < 0 ? stderr : stderr.slice(from + '\nError: '.length)
  return text.replace(/\n\nUse --debug flag[\s\S]*$/, '').trim()
}

/** Reads a message of helm's, or of ours, which follow it. */
export function causeOf(message: string): Cause {
  const text = message.trim()
  const failed = /^execution error at \(([^)]*)\): ([\s\S]*)$/.exec(text)
  if (failed !== null) return { kind: 'fail or required', place: failed[1] ?? '', core: (failed[2] ?? '').trim() }
  const parse = /^parse error at \(([^)]*)\): ([\s\S]*)$/.exec(text)
  if (parse !== null) return { kind: 'parse', place: parse[1] ?? '', core: parse[2] ?? '' }
  if (/^values don't [\s\S]*\n(?:unexpected EOF|invalid character)|^values\.schema\.json is not JSON/.test(text)) return { kind: 'schema that is no JSON', place: '', core: '' }
  if (text.startsWith("values don't meet the specifications")) return { kind: 'schema', place: '', core: text.split('\n').slice(1).map((line) => line.trim()).filter((line) => line !== '').sort().join('\n') }
  const yaml = /(?:YAML parse error on|cannot load|failed to parse|unable to parse YAML:?) ?([^:\s]*)/.exec(text)
  if (yaml !== null) return { kind: 'YAML', place: yaml[1] ?? '', core: yamlCore(text) }
  if (/rendering template has a nested reference name|templates include each other without end/.test(text)) return { kind: 'recursion', place: '', core: '' }
  const equal = sameFault.findIndex((pattern) => pattern.test(text))
  if (equal >= 0) return { kind: 'chart', place: '', core: String(equal) }
  const steps = [...text.matchAll(/^(?:template: )?(\S+:\d+:\d+)\n +executing "[^"]*" at <[\s\S]*?>:\n +([\s\S]*?)(?=\n\S|$(?![\s\S]))/gm)].at(-1)
  const end = /\n(template: no template [\s\S]*)$/.exec(text)?.[1]
  if (steps !== undefined) return { kind: 'template', place: end === undefined ? steps[1] ?? '' : '', core: end ?? (steps[2] ?? '').trim() }
  const none = /template: no template "[^"]*" associated with template "[^"]*"$/.exec(text)?.[0]
  if (none !== undefined) return { kind: 'template', place: '', core: none }
  const inner = [...text.matchAll(/template: ([^\s]+?:\d+(?::\d+)?): (?:executing "[^"]*" at <[\s\S]*?>: )?/g)].at(-1)
  if (inner !== undefined) return { kind: 'template', place: inner[1] ?? '', core: text.slice(inner.index + inner[0].length).trim() }
  return { kind: 'other', place: '', core: text }
}

/** Faults that are said otherwise: each pattern stands for one. */
const sameFault = [/^unsupported chart version$|apiVersion "[^"]*" is not v1 or v2$/, /^type mismatch on \S+: /]

/** Parsers have words of their own for the same fault; what it is about is the line, or the type that does not fit. */
function yamlCore(text: string): string {
  const type = /cannot unmarshal \w+ into Go (?:value|struct field)[\s\S]*$/.exec(text)?.[0]
  return type ?? `line ${/line (\d+)/.exec(text)?.[1] ?? '?'}`
}

/** Parsers notice a fault at the line where it is or at the next. */
function nearLines(a: string, b: string): boolean {
  const [x, y] = [a, b].map((core) => Number(/^line (\d+)$/.exec(core)?.[1] ?? Number.NaN))
  return Math.abs((x ?? Number.NaN) - (y ?? Number.NaN)) <= 1
}

/** Undefined when both messages name the same cause, else what differs. */
export function differentCause(helm: string, ours: string): string | undefined {
  const [a, b] = [causeOf(helm), causeOf(ours)]
  if (a.kind === b.kind && a.place === b.place && (a.core === b.core || (a.kind === 'YAML' && nearLines(a.core, b.core)))) return undefined
  return `helm fails: ${helm.slice(0, 600)}\nours fails: ${ours.slice(0, 600)}`
}
