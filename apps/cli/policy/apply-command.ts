import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createClient, networkTransport, readKubeconfig, type Client } from '@idp/client'
import { formatYaml, type JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { applyPolicies, applyToPayload, familyOf, type PolicyResponse } from '../../../components/kyverno/engine/apply-policies.ts'
import { rulesOf } from '../../../components/kyverno/engine/autogen.ts'
import { unsupportedFeatures } from '../../../components/kyverno/engine/evaluate.ts'
import type { PolicyObject } from '../../../components/kyverno/kinds/policy.ts'
import { clusterClient } from '../cluster-client.ts'
import { runningTarget, type CommandContext } from '../context.ts'
import { changesText, countsText, resultsTable, violationsText } from './apply-output.ts'
import { readInput, type ApplyInput } from './apply-world.ts'
import { clusterObjects } from './cluster-objects.ts'
import { colours } from './colours.ts'
import { countResults, exitCode } from './count-results.ts'
import { exceptionsFor } from './generate-exceptions.ts'
import { policyReports } from './policy-reports.ts'
import { writeChanges } from './write-changes.ts'

/** The flags of `kyverno apply` that mean something here. */
export interface ApplyFlags {
  readonly resource: readonly string[]; readonly targetResource: readonly string[]; readonly exception: readonly string[]; readonly json: readonly string[]; readonly httpPayload: readonly string[]; readonly envoyPayload: readonly string[]; readonly parameterResource: readonly string[]; readonly contextFile?: string; readonly set: readonly string[]
  readonly cluster?: boolean; readonly kubeconfig?: string; readonly context?: string; readonly namespace?: string
  readonly valuesFile?: string; readonly userinfo?: string; readonly policyReport?: boolean; readonly outputFormat?: string; readonly output?: string; readonly stdin?: boolean
  readonly auditWarn?: boolean; readonly warnExitCode?: number; readonly warnNoPass?: boolean; readonly table?: boolean; readonly detailedResults?: boolean; readonly removeColor?: boolean
  readonly registry?: boolean; readonly exceptionsWithinResources?: boolean; readonly exceptionsWithinPolicies?: boolean; readonly generateExceptions?: boolean; readonly generatedExceptionTtl?: string
}

/** Applies policies to resources from files or from a cluster and prints what they say, with the Kyverno CLI's words and exit codes. */
export async function applyCommand(context: CommandContext, paths: readonly string[], flags: ApplyFlags): Promise<void> {
  if ([flags.resource, flags.json, flags.httpPayload, flags.envoyPayload].every((paths) => paths.length === 0) && flags.cluster !== true) throw new CodedError({ code: 'NoResources', message: 'resource file(s) or cluster required', remedy: 'Name files with --resource, or look at a cluster with --cluster' })
  if (paths.includes('-') && flags.resource.includes('-')) throw new CodedError({ code: 'ConflictingFlags', message: 'standard input can be policies or resources, not both' })
  const client = flags.cluster === true ? await kubeconfigClient(context, flags) : undefined
  const input = await readInput(paths, flags, { stdin: process.stdin, now: () => context.clock.now(), cluster: client === undefined ? undefined : { client, objects: (policies) => clusterObjects(client, policies, flags.namespace) } })
  const skipped = input.policies.flatMap((policy) => {
    const missing = familyOf(policy) === undefined ? unsupportedFeatures(policy) : []
    return missing.length === 0 ? [] : [{ policy, reason: `${missing.map((path) => `spec.${path}`).join(', ')} is not supported by this engine` }]
  })
  const world = { ...input.world, policies: input.policies.filter((policy) => !skipped.some((one) => one.policy === policy)) }
  const responses: PolicyResponse[] = []
  for (const object of input.resources) responses.push(...(await applyPolicies(world, object)))
  for (const { value, mode } of input.payloads) responses.push(...(await applyToPayload(world, value, mode)))
  const counts = countResults(responses, flags.auditWarn === true)
  const total = { ...counts, error: counts.error + skipped.length }
  if (flags.output !== undefined) await writeChanges(flags.output, responses)
  context.report.result(textOf(context, { input, flags, responses, skipped, total }), { responses, counts: total })
  process.exitCode = exitCode(total, flags)
}

interface Applied { readonly input: ApplyInput; readonly flags: ApplyFlags; readonly responses: readonly PolicyResponse[]; readonly skipped: readonly { readonly policy: PolicyObject; readonly reason: string }[]; readonly total: ReturnType<typeof countResults> }

function textOf(context: CommandContext, { input, flags, responses, skipped, total }: Applied): string {
  const auditWarn = flags.auditWarn === true
  const documents = (objects: readonly JsonObject[]): string => (flags.outputFormat === 'json' ? objects.map((one) => JSON.stringify(one)).join('\n') : objects.map((one) => formatYaml(one).trimEnd()).join('\n---\n'))
  if (flags.policyReport === true) return documents(policyReports(responses, { auditWarn, now: context.clock.now() }))
  if (flags.generateExceptions === true) return documents(exceptionsFor(responses, flags.generatedExceptionTtl ?? '720h'))
  const changes = flags.output === undefined ? changesText(responses, flags.stdin === true) : ''
  if (flags.stdin === true) return changes
  const rules = input.policies.reduce((sum, policy) => sum + (familyOf(policy) === undefined ? rulesOf(policy).length : 1), 0)
  const excepted = input.exceptions.length === 0 ? '' : ` with ${input.exceptions.length} exception(s)`
  const notes = skipped.length === 0 ? '' : ['Policies Skipped:', ...skipped.map(({ policy, reason }, index) => `${index + 1}. ${policy.metadata.name ?? ''}: ${reason}`)].join('\n')
  const results = flags.table === true
    ? resultsTable(responses, { detailed: flags.detailedResults === true, auditWarn, colours: colours(context.tty && flags.removeColor !== true) })
    : `${violationsText(responses, auditWarn)}\n\n${countsText(total)}`.trimStart()
  const [warned] = total.fail + total.error === 0 && total.warn > 0 && (flags.warnExitCode ?? 0) !== 0 ? [`exit as warnExitCode is ${flags.warnExitCode ?? 0}`] : total.pass === 0 && flags.warnNoPass === true ? ['exit as no objects satisfied policy'] : []
  return [`Applying ${rules} policy rule(s) to ${input.resources.length + input.payloads.length} resource(s)${excepted}...`, changes, notes, results, warned ?? ''].filter((part) => part.trim() !== '').join('\n\n')
}

/** `--kubeconfig` and `--context`, else idp's own cluster, else `$KUBECONFIG` or `~/.kube/config`. */
async function kubeconfigClient(context: CommandContext, flags: ApplyFlags): Promise<Client> {
  if (flags.kubeconfig === undefined && flags.context === undefined) {
    const own = await runningTarget(context).catch((error: unknown) => {
      if (error instanceof CodedError && error.code === 'NoCluster' && context.name === undefined) return undefined
      throw error
    })
    if (own !== undefined) return clusterClient(own.directory)
  }
  const file = flags.kubeconfig ?? process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config')
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CodedError({ code: 'KubeconfigMissing', message: 'there is no such kubeconfig', where: file, remedy: "Name one with --kubeconfig, or start a cluster with 'idp up'", cause })
  })
  const { network, token } = readKubeconfig(text, file, flags.context)
  return createClient({ transport: networkTransport(network), userAgent: 'idp', ...(token === undefined ? {} : { token }) })
}
