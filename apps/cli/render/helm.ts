import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CodedError } from '@idp/kit'
import { sprigFunctions, TemplateSet } from '@idp/lang-gotemplate'
import { renderHelm, type Rendering, type RenderOptions } from '@idp/render-helm'
import type { CommandContext } from '../context.ts'
import { chartFetch } from './chart-http.ts'
import { all, helpOf, isOn, one, readFlags, type Given } from './flags.ts'
import { capabilitiesOf, clusterOf, renderWithLookup, validateObjects } from './helm-cluster.ts'
import { helmFlags } from './helm-flags.ts'
import { openChart } from './open-chart.ts'
import { postRenderer } from './post-renderer.ts'
import { readValueFlags } from './value-flags.ts'

/** `idp render helm [NAME] CHART [flags]`: what `helm template` prints. */
export async function renderHelmCommand(context: CommandContext, args: readonly string[]): Promise<void> {
  const { words, given } = readFlags(helmFlags, args)
  if (isOn(given, 'help')) return context.report.result(helpOf('idp render helm [NAME] CHART [flags]', helmFlags), { flags: helmFlags })
  if (words.length === 0) throw new CodedError({ code: 'MissingArgument', message: '"helm template" requires at least 1 argument', remedy: 'Usage: idp render helm [NAME] CHART [flags]' })
  if (words.length > 2) throw new CodedError({ code: 'TooManyArguments', message: `expected at most two arguments, unexpected arguments: ${words.slice(2).join(', ')}` })
  const chart = await openChart(words.at(-1) ?? '', given, { clock: context.clock, cache: join(context.root, 'charts') })
  const options = await optionsOf(context, words, given)
  const dryRun = one(given, 'dry-run') ?? 'client'
  const asksCluster = dryRun === 'server' || isOn(given, 'validate')
  const client = asksCluster ? await clusterOf(given) : undefined
  const known = client === undefined ? undefined : await capabilitiesOf(client)
  const whole: RenderOptions = known === undefined ? options : { ...options, kubeVersion: options.kubeVersion ?? known.kubeVersion, apiVersions: [...known.apiVersions, ...options.apiVersions ?? []] }
  const rendering = client === undefined ? await renderHelm(chart, whole) : await renderWithLookup(chart, whole, client)
  if (client !== undefined && isOn(given, 'validate') && !isOn(given, 'disable-openapi-validation')) await validateObjects(rendering, client, options.namespace)
  await print(context, rendering, given, options.releaseName)
}

async function optionsOf(context: CommandContext, words: readonly string[], given: Given): Promise<RenderOptions> {
  const fetchFrom = await chartFetch(given)
  const fetchText = async (url: string) => {
    const answer = await fetchFrom(url)
    if (answer.status !== 200) throw new CodedError({ code: 'ValuesUnavailable', message: `failed to fetch ${url} : ${answer.status}`, where: url })
    return await answer.text()
  }
  const [kubeVersion, program] = [one(given, 'kube-version'), one(given, 'post-renderer')]
  const showOnly = all(given, 'show-only')
  return {
    releaseName: releaseName(context, words, given), namespace: one(given, 'namespace') ?? process.env['HELM_NAMESPACE'] ?? 'default', values: await readValueFlags(given, fetchText),
    includeCrds: isOn(given, 'include-crds'), skipTests: isOn(given, 'skip-tests'), noHooks: isOn(given, 'no-hooks'), isUpgrade: isOn(given, 'is-upgrade'),
    skipSchemaValidation: isOn(given, 'skip-schema-validation'), apiVersions: all(given, 'api-versions'), clock: context.clock,
    ...(kubeVersion === undefined ? {} : { kubeVersion }), ...(showOnly.length === 0 ? {} : { showOnly }),
    ...(program === undefined ? {} : { postRenderer: postRenderer(program, all(given, 'post-renderer-args'), context.signal) }),
  }
}

const validName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

function releaseName({ clock }: CommandContext, words: readonly string[], given: Given): string {
  const template = one(given, 'name-template')
  if (words.length === 2 && (isOn(given, 'generate-name') || template !== undefined)) throw new CodedError({ code: 'NameGivenTwice', message: `cannot set ${template === undefined ? '--generate-name' : '--name-template'} and also specify a name` })
  const name = words.length === 2 ? words[0] ?? '' : template === undefined ? 'release-name' : filled(template, () => clock.now())
  if (name.length > 53 || !validName.test(name)) throw new CodedError({ code: 'InvalidReleaseName', message: `release name ${JSON.stringify(name)}: invalid release name, must match regex ${validName.source} and the length must not be longer than 53`, where: name })
  return name
}

function filled(template: string, now: () => number): string {
  const set = new TemplateSet(sprigFunctions({ random: (count) => crypto.getRandomValues(new Uint8Array(count)), now }))
  set.parse('name-template', template)
  return set.execute('name-template', undefined, { now })
}

async function print({ report }: CommandContext, rendering: Rendering, given: Given, name: string): Promise<void> {
  const directory = one(given, 'output-dir')
  if (directory === undefined) return report.result(rendering.manifest.trimEnd(), { documents: rendering.documents.map(({ path, object }) => ({ path, object })) })
  const root = isOn(given, 'release-name') ? join(directory, name) : directory
  const begun = new Set<string>()
  for (const part of `\n${rendering.manifest}`.split('\n---\n# Source: ').slice(1)) {
    const path = part.slice(0, part.indexOf('\n'))
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true })
    // The first document of a file takes the place of what an earlier run left there.
    await writeFile(file, `---\n# Source: ${part}${part.endsWith('\n') ? '' : '\n'}`, { flag: begun.has(file) ? 'a' : 'w' })
    begun.add(file)
  }
  report.result([...begun].map((file) => `wrote ${file}`).join('\n'), { files: [...begun] })
}
