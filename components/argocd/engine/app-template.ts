import { formatYaml, parseYaml, type Json, type JsonObject } from '@idp/formats'
import { CodedError, messageOf, type Clock, type Random } from '@idp/kit'
import { fn, fromJson, mapOf, sprigFunctions, TemplateSet, toJson, type FunctionTable } from '@idp/lang-gotemplate'
import { normalizedName, type Params } from './generators/params.ts'

/** Fills in texts of an ApplicationSet. Throws CodedError `TemplateFailed` that shows the text. */
export interface TemplateRenderer { text(template: string, params: Params): string }

/** Old style: `{{ name }}` is replaced, unknown names stay as they are. */
export const plainRenderer: TemplateRenderer = {
  text: (template, params) => template.replace(/\{\{([^{}]*)\}\}/g, (whole, tag: string) => {
    const value = params[tag.trim()]
    return typeof value === 'string' ? value : whole
  }),
}

export interface GoRendererOptions { readonly clock: Clock; readonly random: Random; readonly options: readonly string[] }

/** Go templates with Sprig, `normalize`, `slugify` and the YAML functions. Options are Go's, e.g. `missingkey=error`. */
export function goRenderer({ clock, random, options }: GoRendererOptions): TemplateRenderer {
  const now = (): number => clock.now()
  const functions: FunctionTable = new Map([...sprigFunctions({ random, now }), ...ownFunctions])
  const missing = options.findLast((one) => one.startsWith('missingkey='))?.slice('missingkey='.length)
  const missingKey = missing === 'error' ? 'error' as const : missing === 'zero' ? 'zero' as const : 'default' as const
  const known = new Map<string, TemplateSet>()
  return {
    text(template, params) {
      if (!template.includes('{{')) return template
      try {
        let set = known.get(template)
        if (set === undefined) {
          set = new TemplateSet(functions)
          set.parse('base', template)
          if (known.size > 500) known.clear()
          known.set(template, set)
        }
        return set.execute('base', goValue(params), { missingKey, now, limits: {} })
      } catch (error) {
        throw new CodedError({ code: 'TemplateFailed', message: `failed to execute go template ${template}: ${messageOf(error)}`, remedy: 'Correct the template, or the parameters its generator gives', cause: error })
      }
    },
  }
}

const ownFunctions: FunctionTable = new Map([
  ['normalize', fn('string', (text: string) => normalizedName(text))],
  ['slugify', fn('...any', (...args: unknown[]) => slugified(args))],
  ['toYaml', fn('any', (value: unknown) => formatYaml(JSON.parse(toJson(value)) as Json).replace(/\n$/, ''))],
  ['fromYaml', fn('string', (text: string) => goValue((parseYaml(text) ?? {}) as Params))],
  ['fromYamlArray', fn('string', (text: string) => goValue((parseYaml(text) ?? []) as Json))],
])

/** `slugify [max [smart]] text`: words joined by `-`, cut at a word's end. */
function slugified(args: readonly unknown[]): string {
  const max = args.length > 1 ? Number(args[0]) : 50
  const smart = args.length > 2 ? args[1] !== false : true
  const slug = normalizedName(String(args.at(-1) ?? '')).replace(/[^a-z0-9-]+/g, '-').replace(/-{2,}/g, '-').replace(/^-|-$/g, '')
  if (slug.length <= max) return slug
  const cut = slug.slice(0, max)
  if (!smart || slug.charAt(max) === '-') return cut.replace(/-$/, '')
  const end = cut.lastIndexOf('-')
  return end > 0 ? cut.slice(0, end) : cut
}

/** JSON as Go's decoder gives it to templates. */
function goValue(value: Json): unknown {
  const decoded = fromJson(JSON.stringify(value))
  return decoded ?? mapOf([])
}

/** Every text of `template`, keys included, filled in. */
export function renderTexts<T extends Json>(template: T, params: Params, renderer: TemplateRenderer): T {
  const visit = (value: Json): Json => {
    if (typeof value === 'string') return renderer.text(value, params)
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map(visit)
    const out: JsonObject = {}
    for (const [key, inner] of Object.entries(value)) out[renderer.text(key, params)] = visit(inner)
    return out
  }
  return visit(template) as T
}
