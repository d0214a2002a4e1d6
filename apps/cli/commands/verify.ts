import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checks, createVerifyContext, loadConfig, loadDiagrams, platformGateway, platformRepository, verify, type ArrowResult } from '@idp/platform'
import { CodedError, jsonLog, systemRandom } from '@idp/kit'
import { clusterClient } from '../cluster-client.ts'
import { installation, runningTarget, type CommandContext } from '../context.ts'

/** Proves the arrows; exit code 1 unless all are proven. */
export async function verifyPlatform(context: CommandContext, options: { readonly diagram?: readonly string[] }): Promise<void> {
  const { directory, record } = await runningTarget(context)
  const client = await clusterClient(directory)
  const all = await loadDiagrams(join(installation, 'apps', 'platform', 'diagrams'))
  const wanted = options.diagram
  const diagrams = wanted === undefined ? all : all.filter((d) => wanted.some((name) => d.name.includes(name)))
  if (diagrams.length === 0) throw new CodedError({ code: 'NoSuchDiagram', message: `no diagram is called ${wanted?.join(' or ')}`, remedy: `There are ${all.map((d) => d.name).join(', ')}` })
  const config = await loadConfig(record.repository ?? join(installation, 'blueprint'))
  const { clock, signal } = context
  const gateway = await platformGateway(client, config.cluster.name, { https: record.httpsPort, http: record.httpPort, address: record.gatewayAddress })
  await using repository = await platformRepository(client, { gateway, localDomain: config.domain.local, clock, signal })
  const log = jsonLog(clock, (line) => void process.stderr.write(line))
  let results: ArrowResult[]
  {
    await using run = createVerifyContext({ client, clock, random: systemRandom, log, signal, config, gateway, repository })
    results = await verify(diagrams, run, { checks, onResult: (result) => context.report.event({ event: 'waiting', message: `${result.diagram}: ${result.from} → ${result.to}: ${result.verdict}` }) })
  }
  // The console shows the last verdicts; those of some diagrams alone would look like those of all.
  if (wanted === undefined) await writeFile(join(directory, 'verify.json'), `${JSON.stringify({ arrows: results })}\n`, { mode: 0o600 })
  context.report.result(verifyText(results), { arrows: results })
  if (results.some((result) => result.verdict !== 'proven')) process.exitCode = 1
}

const marks = { proven: '✓', failed: '✗', 'not proven': '·' } as const

function verifyText(results: readonly ArrowResult[]): string {
  const lines: string[] = []
  let diagram = ''
  for (const result of results) {
    if (result.diagram !== diagram) lines.push('', (diagram = result.diagram))
    lines.push(`  ${marks[result.verdict]} ${result.from} → ${result.to}${result.label === '' ? '' : ` (${result.label})`}  ${result.ms} ms`, `      ${result.verdict}: ${result.evidence}`)
  }
  const count = (verdict: ArrowResult['verdict']) => results.filter((result) => result.verdict === verdict).length
  return [...lines, '', `${results.length} arrows: ${count('proven')} proven, ${count('failed')} failed, ${count('not proven')} not proven`].join('\n').trimStart()
}
