import { CodedError } from '@idp/kit'
import { parseYaml, parseYamlDocuments, type Json, type YamlDocument } from '@idp/formats'

/** What the second of two equal keys does. Helm lets it win. */
export type DuplicateKeys = 'last' | 'error'

/** Reads one document as Go's YAML does. Throws CodedError `InvalidYaml`. */
export function readYaml(text: string, source?: string, duplicateKeys: DuplicateKeys = 'last'): Json {
  return parseYaml(prepared(text, source), source === undefined ? { duplicateKeys } : { duplicateKeys, source })
}

/** Reads all documents of a stream. Throws CodedError `InvalidYaml`. */
export function readYamlDocuments(text: string, source: string, duplicateKeys: DuplicateKeys = 'last'): YamlDocument[] {
  return parseYamlDocuments(prepared(text, source), { duplicateKeys, source })
}

// eslint-disable-next-line no-control-regex
const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/

function prepared(text: string, source: string | undefined): string {
  const found = control.exec(text)
  if (found !== null) {
    const line = text.slice(0, found.index).split('\n').length
    throw new CodedError({ code: 'InvalidYaml', message: 'control characters are not allowed', where: `${source ?? 'yaml'}:${line}:1` })
  }
  return text.endsWith('\n') ? text : chomped(text)
}

const blockHeader = /^([ \t]*).*(?:^|[\s:-])([|>])([0-9]?)[+-]?([0-9]?)[ \t]*(?:#.*)?$/

/**
 * A block scalar that ends with the text, without a last line break, has none in its value for Go, whatever its header says. `toYaml` ends that way,
 * and `fromYaml` reads it back. Our parser supplies the break, so the header is made to strip it.
 */
function chomped(text: string): string {
  let end = text.length
  let least = Number.POSITIVE_INFINITY
  while (end > 0) {
    const start = text.lastIndexOf('\n', end - 1) + 1
    const line = text.slice(start, end)
    if (line.trim() !== '') {
      const indent = line.length - line.trimStart().length
      if (least !== Number.POSITIVE_INFINITY && indent < least) {
        const match = blockHeader.exec(line)
        if (match === null) {
          if (indent === 0) return text
        } else return `${text.slice(0, start)}${line.replace(/([|>])([0-9]?)[+-]?([0-9]?)([ \t]*(?:#.*)?)$/, '$1$2$3-$4')}${text.slice(end)}`
      }
      least = Math.min(least, indent)
    }
    end = start - 1
  }
  return text
}
