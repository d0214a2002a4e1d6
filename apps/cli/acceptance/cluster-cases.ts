import { join } from 'node:path'
import { jsonLog, systemRandom } from '@idp/kit'
import { checks, createVerifyContext, gatewayRequest, loadDiagrams, platformGateway, platformRepository, platformStatus, verify } from '@idp/platform'
import { installation, type CommandContext } from '../context.ts'
import type { PlatformTest } from './platform-test.ts'
import { runPlatformTest } from './run-platform-test.ts'
import { reasonOf, tryCase, type TestCase } from './test-case.ts'
import { bringUp, type TestPlatform, type ThrowAwayOptions } from './throw-away-platform.ts'
import type { TestSource } from './test-source.ts'

/** One case for each Application: it becomes Synced and Healthy; one that does not says why. */
export async function clusterCases(context: CommandContext, platform: TestPlatform, source: TestSource, options: ThrowAwayOptions): Promise<TestCase[]> {
  const began = context.clock.now()
  try {
    const names = await bringUp(context, platform, source, options)
    const ms = context.clock.now() - began
    return names.map((name) => ({ suite: 'cluster', name, status: 'passed', ms }))
  } catch (error) {
    const ms = context.clock.now() - began
    const { applications } = await platformStatus(platform.client).catch(() => ({ applications: [] }))
    const cases = applications.map(({ name, sync, health, cause }): TestCase => (sync === 'Synced' && health === 'Healthy' ? { suite: 'cluster', name, status: 'passed', ms } : { suite: 'cluster', name, status: 'failed', ms, message: `${sync}, ${health}${cause === undefined ? '' : `: ${cause}`}` }))
    return [{ suite: 'cluster', name: 'the platform comes up', status: 'failed', ms, message: reasonOf(error) }, ...cases]
  }
}

/** The arrows of the architecture diagrams: what is not proven (a stack that is off, a simulated image) is skipped, and says so. */
export async function verifyCases({ clock, signal }: CommandContext, { client, config, ports }: TestPlatform, onProgress: (message: string) => void): Promise<TestCase[]> {
  const gateway = await platformGateway(client, config.cluster.name, ports)
  await using repository = await platformRepository(client, { gateway, localDomain: config.domain.local, clock, signal })
  const log = jsonLog(clock, () => {})
  await using run = createVerifyContext({ client, clock, random: systemRandom, log, signal, config, gateway, repository })
  const results = await verify(await loadDiagrams(join(installation, 'apps', 'platform', 'diagrams')), run, { checks, onResult: ({ diagram, from, to }) => onProgress(`${diagram}: ${from} → ${to}`) })
  return results.map(({ diagram, from, to, label, verdict, evidence, ms }) => ({
    suite: 'verify', name: `${diagram}: ${from} → ${to}${label === '' ? '' : ` (${label})`}`, ms,
    status: verdict === 'proven' ? 'passed' : verdict === 'failed' ? 'failed' : 'skipped', ...(verdict === 'proven' ? {} : { message: evidence }),
  }))
}

/** The repository's own tests, one after the other. */
export async function ownCases({ clock, signal }: CommandContext, { client, config, ports }: TestPlatform, tests: readonly PlatformTest[], onProgress: (message: string) => void): Promise<TestCase[]> {
  // Without a platform there is no gateway; a test that asks for it then fails with that reason.
  const world = { client, clock, signal, domain: config.domain.local, fetch: async (request: Parameters<typeof gatewayRequest>[1]) => gatewayRequest(await platformGateway(client, config.cluster.name, ports), request) }
  const cases: TestCase[] = []
  for (const test of tests) {
    onProgress(test.name)
    cases.push(await tryCase(clock, { suite: 'tests', name: test.name }, () => runPlatformTest(test, world)))
  }
  return cases
}
