import { compile, registerFunction, TreeInterpreter, TYPE_ANY, TYPE_NUMBER, TYPE_STRING } from '@jmespath-community/jmespath'
import type { Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { functions } from './kyverno-functions.ts'

/** An expression that has been read; evaluating it again costs no parsing. */
export interface JmesPath { readonly text: string; evaluate(data: Json): Json }

const types = { any: TYPE_ANY, number: TYPE_NUMBER, string: TYPE_STRING } as const
for (const [name, { args, run }] of Object.entries(functions)) {
  registerFunction(name, (values) => run(values as Json[]) as never, args.map((arg) => {
    const optional = arg.endsWith('?')
    return { types: [types[arg.replace('?', '') as keyof typeof types]], ...(optional ? { optional: true } : {}) }
  }) as never)
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
    tree = compile(text)
  } catch (cause) {
    throw new CodedError({ code: 'InvalidExpression', message: `JMESPath does not parse: ${messageOf(cause)}`, where: text, cause })
  }
  const made: JmesPath = {
    text,
    evaluate(data) {
      try {
        return (TreeInterpreter.search(tree, data as never) ?? null) as Json
      } catch (cause) {
        throw new CodedError({ code: 'ExpressionFailed', message: `JMESPath failed: ${messageOf(cause)}`, where: text, cause })
      }
    },
  }
  if (compiled.size >= kept) compiled.clear()
  compiled.set(text, made)
  return made
}
