import { stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { KubeObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'
import { directoryFiles, renderFolder, standInCharts } from '@idp/platform'
import { formatResources } from '@idp/render-kustomize'
import { chartEntries } from '../chart-entries.ts'
import type { CommandContext } from '../context.ts'
import { all, helpOf, isOn, one, readFlags } from './flags.ts'
import { kustomizeFlags } from './kustomize-flags.ts'

/** `idp render kustomize DIR [flags]`: what `kustomize build` prints; charts come from the stand-ins. */
export async function renderKustomizeCommand(context: CommandContext, args: readonly string[]): Promise<void> {
  const { words, given } = readFlags(kustomizeFlags, args)
  if (isOn(given, 'help')) return context.report.result(helpOf('idp render kustomize [DIR] [flags]', kustomizeFlags), { flags: kustomizeFlags })
  if (words.length > 1) throw new CodedError({ code: 'TooManyArguments', message: 'specify one path to a kustomization directory' })
  const restrictor = one(given, 'load-restrictor') ?? 'LoadRestrictionsRootOnly'
  if (!/^(?:LoadRestrictions(?:RootOnly|None)|rootOnly|none)$/.test(restrictor)) throw new CodedError({ code: 'InvalidFlag', message: `illegal flag value --load-restrictor ${restrictor}; legal values: [LoadRestrictionsRootOnly LoadRestrictionsNone]`, where: '--load-restrictor' })
  const reorder = one(given, 'reorder') ?? 'legacy'
  if (reorder !== 'legacy' && reorder !== 'none') throw new CodedError({ code: 'InvalidFlag', message: `illegal flag value --reorder ${reorder}; legal values: [legacy none]`, where: '--reorder' })
  const { root, path } = await repositoryRoot(resolve(words[0] ?? '.'))
  const kubeVersion = one(given, 'helm-kube-version')
  const objects = await renderFolder(root, path, {
    charts: standInCharts(chartEntries()), anywhere: /none$/i.test(restrictor), apiVersions: all(given, 'helm-api-versions'),
    ...(kubeVersion === undefined ? {} : { kubeVersion }), ...(reorder === 'none' ? { reorder: 'none' as const } : {}),
  })
  await print(context, objects, one(given, 'output'))
}

async function print({ report }: CommandContext, objects: readonly KubeObject[], output: string | undefined): Promise<void> {
  if (output === undefined) return report.result(formatResources(objects).trimEnd(), { objects })
  const isDirectory = await stat(output).then((found) => found.isDirectory(), () => false)
  if (!isDirectory) await writeFile(output, formatResources(objects))
  else for (const object of objects) await writeFile(join(output, fileName(object)), formatResources([object]))
  report.result(`wrote ${objects.length} objects to ${output}`, { objects })
}

/** `namespace_group_version_kind_name.yaml`, as kustomize names them. */
function fileName({ apiVersion, kind, metadata }: KubeObject): string {
  const parts = [metadata.namespace, ...apiVersion.split('/'), kind, metadata.name].filter((part) => part !== undefined && part !== '')
  return `${parts.join('_').toLowerCase().replaceAll(/[^a-z0-9._-]/g, '-')}.yaml`
}

/** The nearest directory above with `.git` or `idp.config.ts` is the tree that a kustomization may reach into; else its own directory. */
async function repositoryRoot(directory: string): Promise<{ root: FileTree; path: string }> {
  for (let above = directory; dirname(above) !== above; above = dirname(above)) {
    const marks = await Promise.all(['.git', 'idp.config.ts'].map((name) => stat(join(above, name)).then(() => true, () => false)))
    if (marks.includes(true)) return { root: directoryFiles(above), path: directory.slice(above.length + 1) }
  }
  return { root: directoryFiles(directory), path: '' }
}
