import { resolve } from 'node:path'
import { CodedError } from '@idp/kit'
import { loadConfig } from '@idp/platform'
import { clusterCases, ownCases, verifyCases } from '../acceptance/cluster-cases.ts'
import { platformTests, type PlatformTest } from '../acceptance/platform-test.ts'
import { policyCases } from '../acceptance/policy-cases.ts'
import { renderCases } from '../acceptance/render-cases.ts'
import { reasonOf, suites, type Suite, type TestCase } from '../acceptance/test-case.ts'
import { countOf, reportJunit, reportText } from '../acceptance/test-report.ts'
import { openTestSource, type TestSource } from '../acceptance/test-source.ts'
import { throwAwayEngine, type TestPlatform } from '../acceptance/throw-away-platform.ts'
import { clusterClient } from '../cluster-client.ts'
import { chosenCharts } from '../cluster-engine.ts'
import { runningTarget, type CommandContext } from '../context.ts'

export interface TestFlags {
  readonly output?: 'text' | 'json' | 'junit'
  /** Suites, or names of the repository's own tests; everything without it. */
  readonly only?: readonly string[]
  /** Run the repository's own tests on the cluster that runs already. */
  readonly running?: boolean
  readonly charts?: string
  /** Seconds for each step of bringing the platform up. */
  readonly timeout: number
}

/** The repository's acceptance tests, on a cluster that is made for them and goes with them. Exit code 1 when one failed. */
export async function testRepository(context: CommandContext, words: readonly string[], flags: TestFlags): Promise<void> {
  const began = context.clock.now()
  await using source = await openTestSource(resolve(words[0] ?? '.'))
  const own = await platformTests(source.files)
  const plan = planOf(own, flags)
  const cases = await runPlan(context, source, plan, flags)
  const ms = context.clock.now() - began
  const failed = countOf(cases, 'failed')
  context.report.result(flags.output === 'junit' ? reportJunit(cases) : reportText(cases, ms), { event: 'summary', passed: countOf(cases, 'passed'), failed, skipped: countOf(cases, 'skipped'), ms, cases })
  if (failed > 0) process.exitCode = 1
}

interface Plan { readonly suites: ReadonlySet<Suite>; readonly tests: readonly PlatformTest[] }

/** What `--only` leaves. Throws CodedError `NoSuchTest`. */
export function planOf(own: readonly PlatformTest[], { only = [], running }: Pick<TestFlags, 'only' | 'running'>): Plan {
  const isSuite = (word: string): word is Suite => (suites as readonly string[]).includes(word)
  const named = own.filter(({ name }) => only.includes(name))
  const unknown = only.find((word) => !isSuite(word) && !named.some(({ name }) => name === word))
  if (unknown !== undefined) throw new CodedError({ code: 'NoSuchTest', message: `there is no suite and no test called '${unknown}'`, where: '--only', remedy: `There are ${[...suites, ...own.map(({ name }) => name)].join(', ')}` })
  const chosen = new Set(only.length > 0 ? only.filter(isSuite) : running === true ? ['tests' as const] : suites)
  const tests = chosen.has('tests') ? own : named
  if (tests.length > 0) chosen.add('tests')
  return { suites: chosen, tests }
}

async function runPlan(context: CommandContext, source: TestSource, plan: Plan, flags: TestFlags): Promise<TestCase[]> {
  const charts = chosenCharts(`${context.root}-cache`, flags.charts ?? 'stand-in', context.signal)
  const cases: TestCase[] = []
  const say = (message: string): void => {
    if (process.stderr.isTTY === true) process.stderr.write(`\r\u001b[2K${message.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  }
  if (plan.suites.has('render')) cases.push(...(await renderCases(context, source, charts)))
  if (plan.suites.has('policy')) cases.push(...(await policyCases(context, source.files)))
  const needsCluster = plan.suites.has('cluster') || plan.suites.has('verify') || plan.tests.length > 0
  if (needsCluster && flags.running === true) {
    await using platform = await runningPlatform(context, source)
    cases.push(...(await onPlatform(context, platform, plan, say)))
  } else if (needsCluster) {
    say('starting a cluster')
    await using platform = await throwAwayEngine(context, source)
    const up = await clusterCases(context, platform, source, { charts, timeoutMs: flags.timeout * 1000, onProgress: say })
    cases.push(...up)
    if (countOf(up, 'failed') === 0) cases.push(...(await onPlatform(context, platform, plan, say)))
    else cases.push(...plan.tests.map(({ name }): TestCase => ({ suite: 'tests', name, status: 'skipped', ms: 0, message: 'the platform did not come up' })))
  }
  say('')
  return cases
}

/** The platform's own proofs first: what they find is more telling than a test that fails of it. */
async function onPlatform(context: CommandContext, platform: TestPlatform, plan: Plan, say: (message: string) => void): Promise<TestCase[]> {
  const proofs = plan.suites.has('verify')
    ? await verifyCases(context, platform, say).catch((error: unknown): TestCase[] => [{ suite: 'verify', name: 'the proofs can be tried', status: 'failed', ms: 0, message: reasonOf(error) }])
    : []
  return [...proofs, ...(await ownCases(context, platform, plan.tests, say))]
}

async function runningPlatform(context: CommandContext, source: TestSource): Promise<TestPlatform> {
  const { directory, record } = await runningTarget(context)
  return { client: await clusterClient(directory), config: await loadConfig(record.repository ?? source.directory), ports: { https: record.httpsPort, http: record.httpPort, address: record.gatewayAddress }, [Symbol.asyncDispose]: async () => {} }
}
