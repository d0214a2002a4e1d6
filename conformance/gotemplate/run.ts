import { parse as parseWithGo } from '@evertdespiegeleer/go-template'
import { builtins, ExecError, messageOfFault, ParseError, TemplateSet } from '@idp/lang-gotemplate'
import { randomCase } from '@idp/lang-gotemplate/random-template'
import { helmBinary } from '@idp/testkit'
import { compareTrees } from './value-trees.ts'

export interface SuiteResult { readonly suite: string; readonly passed: number; readonly total: number; readonly failures: { readonly name: string; readonly reason: string }[] }

/**
 * Renders random templates with Go's own engine (as WebAssembly), and random value trees with the real helm, and both with ours.
 * `--count N` (10,000 of each), `--seed N` (1).
 */
export async function run(args: string[]): Promise<SuiteResult> {
  const option = (name: string, fallback: number) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : fallback)
  const first = option('--seed', 1)
  const total = option('--count', 10_000)
  const failures: { name: string; reason: string }[] = []
  for (let seed = first; seed < first + total; seed++) {
    const reason = await compareCase(seed)
    if (reason !== undefined) failures.push({ name: `seed ${seed}`, reason })
  }
  const helm = await helmBinary()
  if (helm === undefined) failures.push({ name: 'value trees', reason: 'skipped: the real helm is not installed' })
  else failures.push(...await compareTrees(helm, first, total))
  return { suite: 'gotemplate', passed: 2 * total - failures.length - (helm === undefined ? total - 1 : 0), total: 2 * total, failures }
}

/** The difference for one seed, if there is one. */
export async function compareCase(seed: number): Promise<string | undefined> {
  const { template, values } = randomCase(seed)
  const want = await withGo(template, values)
  const got = withOurs(template, values)
  // The oracle drops the message of an error whose place spans lines, and trims it.
  if (want === 'error ' ? got.startsWith('error ') : want.startsWith('error ') ? want.trim() === (got.split('\n')[0] ?? '').trim() : want === got) return undefined
  return `${JSON.stringify(template)} with ${JSON.stringify(values)}: want ${JSON.stringify(want)}, got ${JSON.stringify(got)}`
}

async function withGo(template: string, values: unknown): Promise<string> {
  try {
    return `output ${await parseWithGo(template, values)}`
  } catch (error) {
    return `error ${(error as Error).message.replace(/^Template parse error: /, '')}`
  }
}

function withOurs(template: string, values: unknown): string {
  try {
    const set = new TemplateSet(builtins)
    set.parse('tpl', template)
    return `output ${set.execute('tpl', values, { missingKey: 'error', now: () => 0 })}`
  } catch (error) {
    if (error instanceof ParseError) return `error ${error.message}`
    if (error instanceof ExecError) return `error ${messageOfFault(error)}`
    throw error
  }
}
