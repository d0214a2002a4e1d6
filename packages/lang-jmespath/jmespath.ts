import { compile, registerFunction, TreeInterpreter, TYPE_ANY, TYPE_NUMBER, TYPE_STRING } from '@jmespath-community/jmespath'
import type { Json } from '@idp/formats'
import { CodedError, messageOf, type Clock, type Random } from '@idp/kit'
import { withAmbient } from './ambient.ts'
import { functions } from './kyverno-functions.ts'

/** An expression that has been read; evaluating it again costs no parsing. */
export interface JmesPath { readonly text: string; evaluate(data: Json, options?: EvaluateOptions): Json }

/** What `time_now()` and `random()` draw from; the machine's own by default. */
export interface EvaluateOptions { readonly clock?: Pick<Clock, 'now'>; readonly random?: Random }

const types = { any: TYPE_ANY, number: TYPE_NUMBER, string: TYPE_STRING } as const
for (const [name, { args, run }] of Object.entries(functions)) {
  registerFunction(name, (values) => run(values as Json[]) as never, args.map((arg) => {
    const optional = arg.endsWith('?')
    return { types: [types[arg.replace('?', '') as keyof typeof types]], ...(optional ? { optional: true } : {}) }
  }) as never, { override: true } as never)
}

const compiled = new Map<string, JmesPath>()
/** Compiled expressions are kept; policies use a few hundred. */
const kept = 2_000

/** Reads a JMESPath expression (jmespath.org, with the community's extensions and Kyverno's functions). Throws CodedError `InvalidExpression`. */
export function jmesPath(text: string): JmesPath {
  const known = compiled.get(text)
  if (known !== undefined) return known
  let tree: ReturnType<typeof compile>
  try {
    tree = compile(keepBackslashes(text))
  } catch (cause) {
    throw new CodedError({ code: 'InvalidExpression', message: `JMESPath does not parse: ${messageOf(cause)}`, where: text, cause })
  }
  const made: JmesPath = {
    text,
    evaluate(data, options) {
      const search = (): Json => (TreeInterpreter.search(tree, data as never) ?? null) as Json
      try {
        return options === undefined ? search() : withAmbient(options, search)
      } catch (cause) {
        throw new CodedError({ code: 'ExpressionFailed', message: `JMESPath failed: ${messageOf(cause)}`, where: text, cause })
      }
    },
  }
  if (compiled.size >= kept) compiled.clear()
  compiled.set(text, made)
  return made
}

/** In a raw string only `\'` is an escape; the parser we use would also halve `\\`. */
function keepBackslashes(text: string): string {
  if (!text.includes('\\\\')) return text
  return text.replaceAll(/'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`/g, (literal) => (literal.startsWith("'") ? literal.replaceAll('\\\\', '\\\\\\\\') : literal))
}
