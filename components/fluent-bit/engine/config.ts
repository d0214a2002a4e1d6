import { CodedError } from '@idp/kit'

/** One section of a configuration in Fluent Bit's classic format; keys are compared in lower case, the first value counts. */
export interface Section {
  readonly kind: string
  readonly line: number
  get(key: string): string | undefined
  all(key: string): readonly string[]
  keys(): readonly string[]
}

/** Reads a classic configuration. Throws CodedError `InvalidConfig` with file and line. */
export function readConfig(text: string, file: string): readonly Section[] {
  const sections: { kind: string; line: number; entries: [string, string][] }[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const header = /^\[([\w.]+)\]$/.exec(line)?.[1]
    if (header !== undefined) {
      sections.push({ kind: header.toUpperCase(), line: index + 1, entries: [] })
      continue
    }
    if (line.startsWith('@')) throw new CodedError({ code: 'InvalidConfig', message: `${line.split(/\s/)[0] ?? ''} is not supported by the stand-in`, where: `${file}:${index + 1}` })
    const section = sections.at(-1)
    if (section === undefined) throw new CodedError({ code: 'InvalidConfig', message: 'a key stands before the first section', where: `${file}:${index + 1}` })
    const [, key = line, value = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    section.entries.push([key.toLowerCase(), value])
  }
  return sections.map(({ kind, line, entries }) => ({
    kind, line, get: (key) => entries.find(([name]) => name === key.toLowerCase())?.[1], all: (key) => entries.filter(([name]) => name === key.toLowerCase()).map(([, value]) => value), keys: () => entries.map(([name]) => name),
  }))
}

export const isOn = (value: string | undefined, otherwise: boolean): boolean => (value === undefined ? otherwise : /^(on|true|yes|1)$/i.test(value))

/** `kube.*`: a star stands for any text. */
export function matchTag(pattern: string): (tag: string) => boolean {
  const regex = new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`)
  return (tag) => regex.test(tag)
}

/** Refuses keys that a plugin's stand-in does not know, by name: what is ignored silently surprises later. */
export function checkKeys(section: Section, known: readonly string[], file: string): void {
  const unknown = section.keys().find((key) => !known.includes(key))
  if (unknown !== undefined) throw new CodedError({ code: 'InvalidConfig', message: `[${section.kind}] ${section.get('name') ?? ''}: ${unknown} is not supported by the stand-in`, where: `${file}:${section.line}` })
}
