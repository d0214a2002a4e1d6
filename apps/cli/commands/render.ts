import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { parseYaml, type JsonObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'
import { directoryFiles, renderFolder, standInCharts } from '@idp/platform'
import { formatResources } from '@idp/render-kustomize'
import { loadChart, loadChartArchive, renderHelm, setValues, type Chart, type SetMode } from '@idp/render-helm'
import { chartEntries } from '../chart-entries.ts'
import type { CommandContext } from '../context.ts'

/** `idp render helm [NAME] CHART [flags]` and `idp render kustomize DIR [flags]`: the renderers on their own, with upstream's flags. */
export async function render(context: CommandContext, what: string, rest: readonly string[]): Promise<void> {
  const command = what === 'helm' ? helmCommand(context) : what === 'kustomize' ? kustomizeCommand(context) : undefined
  if (command === undefined) throw new CodedError({ code: 'UnknownRenderer', message: `'${what}' is not a renderer`, remedy: 'There are helm and kustomize' })
  await command.exitOverride().parseAsync([...rest], { from: 'user' })
}

const repeated = (value: string, all: string[]): string[] => [...all, value]

interface HelmFlags {
  namespace: string; values: string[]; set: string[]; setString: string[]; setJson: string[]; setFile: string[]; includeCrds?: boolean; skipCrds?: boolean; skipTests?: boolean
  hooks: boolean; isUpgrade?: boolean; kubeVersion?: string; apiVersions: string[]; showOnly: string[]; outputDir?: string; skipSchemaValidation?: boolean; nameTemplate?: string
}

function helmCommand(context: CommandContext): Command {
  return new Command('render helm').description('render a chart (directory or archive) as `helm template` does')
    .argument('<words...>', '[NAME] CHART')
    .option('-n, --namespace <namespace>', 'namespace of the release', 'default').option('-f, --values <file>', 'values file (repeatable)', repeated, [])
    .option('--set <values>', 'a.b=c,d=e (repeatable)', repeated, []).option('--set-string <values>', 'the same, always text', repeated, []).option('--set-json <values>', 'key=JSON', repeated, [])
    .option('--set-file <values>', 'key=file', repeated, []).option('--include-crds', 'print the chart\'s CRDs').option('--skip-crds', 'leave them out').option('--skip-tests', 'leave out test hooks')
    .option('--no-hooks', 'leave out hooks').option('--is-upgrade', 'set .Release.IsUpgrade').option('--kube-version <version>', '.Capabilities.KubeVersion').option('-a, --api-versions <versions>', 'more .Capabilities.APIVersions', repeated, [])
    .option('-s, --show-only <template>', 'only these templates', repeated, []).option('--output-dir <directory>', 'write files instead of printing').option('--skip-schema-validation', 'do not check values.schema.json').option('--name-template <template>', 'name of the release')
    .action((words: string[], flags: HelmFlags) => renderChart(context, words, flags))
}

async function renderChart(context: CommandContext, words: readonly string[], flags: HelmFlags): Promise<void> {
  if (words.length > 2) throw new CodedError({ code: 'TooManyArguments', message: `expected [NAME] CHART, not ${words.length} words` })
  const [name, chart] = words.length === 2 ? words : [flags.nameTemplate ?? 'release-name', words[0]]
  const rendering = await renderHelm(await openChart(chart ?? ''), {
    releaseName: name ?? '', namespace: flags.namespace, values: await readValueFlags(flags), includeCrds: flags.includeCrds === true && flags.skipCrds !== true,
    skipTests: flags.skipTests === true, noHooks: !flags.hooks, isUpgrade: flags.isUpgrade === true, apiVersions: flags.apiVersions.flatMap((one) => one.split(',')),
    ...(flags.kubeVersion === undefined ? {} : { kubeVersion: flags.kubeVersion }), ...(flags.showOnly.length === 0 ? {} : { showOnly: flags.showOnly }),
    ...(flags.skipSchemaValidation === true ? { skipSchemaValidation: true } : {}),
  })
  if (flags.outputDir === undefined) {
    context.report.result(rendering.manifest.trimEnd(), { documents: rendering.documents.map(({ path, object }) => ({ path, object })) })
    return
  }
  for (const { path, text } of rendering.documents) {
    const file = join(flags.outputDir, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `---\n# Source: ${path}\n${text}`, { flag: 'a' })
  }
  context.report.result(`wrote ${rendering.documents.length} documents to ${flags.outputDir}`, { documents: rendering.documents.length, directory: flags.outputDir })
}

async function openChart(path: string): Promise<Chart> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new CodedError({ code: 'MissingChart', message: 'there is no such chart', where: path, remedy: 'Name a chart directory or a .tgz archive', cause })
  })
  return found.isDirectory() ? loadChart(directoryFiles(path)) : loadChartArchive(new Uint8Array(await readFile(path)))
}

/** Values files in order, then `--set-json`, `--set`, `--set-string`, `--set-file`, as Helm merges them. */
async function readValueFlags(flags: HelmFlags): Promise<JsonObject[]> {
  const files = await Promise.all(flags.values.map(async (file) => (parseYaml(await readFile(file, 'utf8'), { source: file }) ?? {}) as JsonObject))
  const set: JsonObject = {}
  const modes: readonly (readonly [readonly string[], SetMode])[] = [[flags.setJson, 'json'], [flags.set, 'typed'], [flags.setString, 'string']]
  for (const [given, mode] of modes) for (const argument of given) setValues(set, argument, mode)
  for (const argument of flags.setFile) {
    const equals = argument.indexOf('=')
    const content = await readFile(argument.slice(equals + 1), 'utf8')
    setValues(set, `${argument.slice(0, equals)}=${content.replaceAll(/[\\,]/g, '\\$&')}`, 'string')
  }
  return [...files, set]
}

interface KustomizeFlags { output?: string; enableHelm?: boolean; loadRestrictor?: string; reorder?: string }

function kustomizeCommand(context: CommandContext): Command {
  return new Command('render kustomize').description('build a kustomization as `kustomize build` does; charts come from the stand-ins')
    .argument('[directory]', 'the kustomization', '.').option('-o, --output <file>', 'write to a file').option('--enable-helm', 'kept for compatibility; charts are always inflated')
    .option('--load-restrictor <restrictor>', 'LoadRestrictionsRootOnly or LoadRestrictionsNone').option('--reorder <order>', 'legacy or none')
    .action(async (directory: string, flags: KustomizeFlags) => {
      const { root, path } = await repositoryRoot(resolve(directory))
      const objects = await renderFolder(root, path, { charts: standInCharts(chartEntries()), anywhere: flags.loadRestrictor === 'LoadRestrictionsNone', ...(flags.reorder === 'none' ? { reorder: 'none' } : {}) })
      const text = formatResources(objects)
      if (flags.output !== undefined) await writeFile(flags.output, text)
      context.report.result(flags.output === undefined ? text.trimEnd() : `wrote ${objects.length} objects to ${flags.output}`, { objects })
    })
}

/** The nearest directory above with `.git` or `idp.config.ts` is the tree that a kustomization may reach into; else its own directory. */
async function repositoryRoot(directory: string): Promise<{ root: FileTree; path: string }> {
  for (let above = directory; dirname(above) !== above; above = dirname(above)) {
    const marks = await Promise.all(['.git', 'idp.config.ts'].map((name) => stat(join(above, name)).then(() => true, () => false)))
    if (marks.includes(true)) return { root: directoryFiles(above), path: directory.slice(above.length + 1) }
  }
  return { root: directoryFiles(directory), path: '' }
}
