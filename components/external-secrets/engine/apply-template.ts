import { parseYaml } from '@idp/formats'
import { bytesOf, stringOf, TemplateSet, type FunctionTable } from '@idp/lang-gotemplate'
import { messageOf } from '@idp/kit'
import type { Template, TemplateScope, TemplateTarget } from '../kinds/external-secrets.ts'
import { redact } from './redact.ts'
import type { SecretMap } from './secret-map.ts'

/** What templates write to. */
export interface TemplateOutput { readonly data: SecretMap; readonly labels: Record<string, string>; readonly annotations: Record<string, string> }

/** A text of `templateFrom`, already fetched. */
export interface TemplateText { readonly key: string; readonly text: string; readonly scope: TemplateScope; readonly target: TemplateTarget }

export interface TemplateEngine { readonly functions: FunctionTable; now(): number }

const limits = { timeMs: 2000, output: 4 << 20 }

/** Runs one template over the values. Throws Error with the key and Go's message, in which no value is left. */
export function render(engine: TemplateEngine, key: string, text: string, values: SecretMap): string {
  return renderData(engine, { key, text, values, data: Object.fromEntries([...values].map(([name, value]) => [name, stringOf(value)])) })
}

/** As `render`, over data of any shape. @param input.values what must not stand in an error */
export function renderData(engine: TemplateEngine, { key, text, values, data }: { readonly key: string; readonly text: string; readonly values: SecretMap; readonly data: object }): string {
  const set = new TemplateSet(engine.functions)
  try {
    set.parse(key, text)
  } catch (error) {
    throw new Error(`unable to parse template at key ${key}: ${messageOf(error)}`, { cause: error })
  }
  try {
    return set.execute(key, data, { now: () => engine.now(), missingKey: 'error', limits })
  } catch (error) {
    throw new Error(`unable to execute template at key ${key}: ${redact(messageOf(error), values)}`)
  }
}

/** Runs all templates: `templateFrom` first, then data, labels and annotations, which win. */
export function applyTemplates(engine: TemplateEngine, template: Template, from: readonly TemplateText[], values: SecretMap, output: TemplateOutput): void {
  for (const { key, text, scope, target } of from) {
    if (scope === 'Values') put(output, target, key, render(engine, key, text, values))
    else for (const [name, value] of keysAndValues(render(engine, key, text, values))) put(output, target, name, value)
  }
  for (const [target, texts] of [['Data', template.data], ['Labels', template.metadata?.labels], ['Annotations', template.metadata?.annotations]] as const) {
    for (const [key, text] of Object.entries(texts ?? {})) put(output, target, key, render(engine, key, text, values))
  }
}

function put(output: TemplateOutput, target: TemplateTarget, key: string, value: string): void {
  if (target === 'Data') output.data.set(key, bytesOf(value))
  else output[target === 'Labels' ? 'labels' : 'annotations'][key] = value
}

function keysAndValues(yaml: string): [string, string][] {
  let value: unknown
  try {
    value = parseYaml(yaml)
  } catch {
    // The parser's message would quote the text, which has values in it.
    throw new Error("could not unmarshal template to 'map[string][]byte': not YAML")
  }
  if (value === null || value === undefined) return []
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error("could not unmarshal template to 'map[string][]byte': not a map")
  return Object.entries(value).map(([key, each]) => {
    if (typeof each === 'object' && each !== null) throw new Error(`could not unmarshal template to 'map[string][]byte': the value of key ${JSON.stringify(key)} is no string`)
    return [key, each === null ? '' : String(each)]
  })
}
