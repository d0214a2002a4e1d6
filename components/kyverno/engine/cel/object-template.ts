import { type CelEnvironment, type CelProgram } from '@idp/lang-cel'
import { parseYamlDocuments, type Json, type JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { compileAt } from './compile-policy.ts'

/** A GeneratingPolicy's `template`: YAML documents whose `(( … ))` are CEL. */
export interface ObjectTemplate { render(evaluate: (program: CelProgram) => Json): JsonObject[] }

type Node = (evaluate: (program: CelProgram) => Json) => Json

/** Compiles `{value, interpolate}`. A scalar that is one placeholder becomes its value, of any type; others are filled in as text; `\((` stays. Throws CodedError `CelPolicyInvalid`. */
export function compileTemplate(template: Json, environment: CelEnvironment, path: string): ObjectTemplate {
  const { value = '', interpolate } = template as { value?: string; interpolate?: string }
  const fail = (message: string): CodedError => new CodedError({ code: 'CelPolicyInvalid', message: `${path}.value: ${message}`, where: path })
  let documents: readonly Json[]
  try {
    documents = parseYamlDocuments(value, { source: path }).map((one) => one.value).filter((one) => one !== null)
  } catch (error) {
    throw fail(`failed to parse YAML: ${messageOf(error)}`)
  }
  if (documents.length === 0) throw fail('template must contain at least one YAML document')
  const compile = (json: Json): Node => {
    if (typeof json === 'string') return interpolate?.toLowerCase() === 'cel' ? scalar(json, (expression) => compileAt(`${path}.value`, expression, environment), fail) : () => json
    if (Array.isArray(json)) {
      const items = json.map(compile)
      return (evaluate) => items.map((item) => item(evaluate))
    }
    if (typeof json !== 'object' || json === null) return () => json
    const entries = Object.entries(json).map(([key, sub]) => [key, compile(sub)] as const)
    return (evaluate) => Object.fromEntries(entries.map(([key, node]) => [key, node(evaluate)]))
  }
  const nodes = documents.map(compile)
  return {
    render: (evaluate) => nodes.map((node, index) => {
      const made = node(evaluate)
      if (typeof made !== 'object' || made === null || Array.isArray(made)) throw new CodedError({ code: 'TemplateFailed', message: `document ${index + 1}: expected a mapping describing a resource`, where: path })
      return made
    }),
  }
}

function scalar(text: string, compile: (expression: string) => CelProgram, fail: (message: string) => CodedError): Node {
  if (!text.includes('((')) return () => text
  const parts: (string | CelProgram)[] = []
  let literal = ''
  for (let at = 0; at < text.length;) {
    if (text.startsWith('\\((', at)) {
      literal += '(('
      at += 3
    } else if (text.startsWith('((', at)) {
      const end = placeholderEnd(text, at)
      if (end === undefined) throw fail(`unterminated placeholder starting at offset ${at}: missing closing '))'`)
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push(compile(text.slice(at + 2, end).trim()))
      at = end + 2
    } else literal += text[at++] ?? ''
  }
  if (literal !== '') parts.push(literal)
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return typeof only === 'string' ? () => only : (evaluate) => evaluate(only)
  return (evaluate) => parts.map((part) => {
    if (typeof part === 'string') return part
    const value = evaluate(part)
    return typeof value === 'string' ? value : JSON.stringify(value)
  }).join('')
}

/** The offset of the `))` that ends a placeholder, past brackets and texts in between. */
function placeholderEnd(text: string, start: number): number | undefined {
  let depth = 0
  let quote = ''
  for (let at = start + 2; at < text.length; at++) {
    const c = text[at] ?? ''
    if (quote !== '') {
      if (c === '\\') at++
      else if (c === quote) quote = ''
    } else if (c === '"' || c === "'") quote = c
    else if (c === '(') depth++
    else if (c === ')' && depth > 0) depth--
    else if (c === ')') return text[at + 1] === ')' ? at : undefined
  }
  return undefined
}

