import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isCoded, messageOf } from '@idp/kit'
import { loadChart, readValues, renderHelm, type Chart } from '@idp/render-helm'
import { helmBinary, temporaryDirectory } from '@idp/testkit'
import { chartFolders, ciValues, folderTree, shortName } from './chart-folder.ts'
import { difference, maskRandomNames, randomPaths, readObjects } from './compare.ts'
import { differentCause, helmMessage } from './error-cause.ts'
import { failingCharts } from './failing-charts.ts'
import { kubeVersion, namespace, realTemplate, releaseName } from './real-helm.ts'

export interface SuiteResult {
  readonly suite: string
  readonly passed: number
  readonly total: number
  readonly failures: { readonly name: string; readonly reason: string }[]
  /** Pairs whose text is the same byte for byte. */
  readonly sameBytes: number
  /** Pairs in which both refuse. */
  readonly bothFail: number
  /** Of those: the same cause (kind, place and core of the message), and the same message. */
  readonly sameCause: number
  readonly sameMessage: number
  /** Charts whose dependencies are not in the folder: neither can render them. */
  readonly withoutDependencies: number
}

/**
 * Renders every chart below the folders of `--charts` (the charts of this repository's tests when there is none) with the real helm (`--helm PATH`) and with ours, with default values and each `ci/*-values.yaml`,
 * and compares objects (FIDELITY §3); where helm fails, the causes. Without `--charts` it adds charts that must fail.
 */
export async function run(args: string[]): Promise<SuiteResult> {
  const roots: string[] = []
  let helm = await helmBinary() ?? 'helm'
  let only = ''
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--charts') while (args[i + 1] !== undefined && !args[i + 1]?.startsWith('--')) roots.push(args[++i] ?? '')
    else if (args[i] === '--helm') helm = args[++i] ?? helm
    else if (args[i] === '--only') only = args[++i] ?? ''
  }
  const own = roots.length === 0
  if (own) roots.push(fileURLToPath(new URL('../../packages/render-helm/testdata/charts', import.meta.url)))
  const totals = { passed: 0, total: 0, sameBytes: 0, bothFail: 0, sameCause: 0, sameMessage: 0, withoutDependencies: 0 }
  const failures: { name: string; reason: string }[] = []
  for (const root of roots) {
    for (const folder of chartFolders(root)) {
      for (const valuesFile of [undefined, ...ciValues(folder)]) {
        const name = `${shortName(join(root, '..'), folder)}${valuesFile === undefined ? '' : ` ${shortName(folder, valuesFile)}`}`
        if (!name.includes(only)) continue
        const reason = await compareOne(helm, folder, valuesFile, totals)
        if (reason !== undefined) failures.push({ name, reason })
      }
    }
  }
  if (own) await withFailingCharts(async (name, folder) => {
    const reason = name.includes(only) ? await compareOne(helm, folder, undefined, totals) : undefined
    if (reason !== undefined) failures.push({ name: `failing: ${name}`, reason })
  })
  return { suite: 'helm', ...totals, failures }
}

interface Totals { passed: number; total: number; sameBytes: number; bothFail: number; sameCause: number; sameMessage: number; withoutDependencies: number }

/** The charts of this suite that must fail, each in a folder. */
async function withFailingCharts(run: (name: string, folder: string) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory()
  for (const [i, { name, files }] of failingCharts.entries()) {
    const folder = join(directory.path, String(i))
    for (const [path, text] of Object.entries({ 'Chart.yaml': 'apiVersion: v2\nname: c\nversion: 1.0.0\n', ...files })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    await run(name, folder)
  }
}

async function compareOne(helm: string, folder: string, valuesFile: string | undefined, totals: Totals): Promise<string | undefined> {
  const real = realTemplate(helm, folder, valuesFile)
  if (!real.ok && /missing in charts\/ directory/.test(real.error)) {
    totals.withoutDependencies++
    return undefined
  }
  totals.total++
  const ours = await renderOurs(folder, valuesFile)
  if (!real.ok || ours.error !== undefined) {
    if (!real.ok && ours.error !== undefined) {
      return compareFailures(helmMessage(real.error), ours.error, totals)
    }
    return real.ok ? `ours fails: ${ours.error}` : `helm fails: ${helmMessage(real.error)}`
  }
  if (real.out === ours.manifest) {
    totals.sameBytes++
    totals.passed++
    return undefined
  }
  const want = readObjects(real.out)
  const got = readObjects(ours.manifest)
  if (difference(want, got, new Set()) === undefined) {
    totals.passed++
    return undefined
  }
  const again = readObjects(realTemplate(helm, folder, valuesFile).out)
  maskRandomNames(want, again, got)
  const random = randomPaths(want, again)
  const found = difference(want, got, random)
  if (found === undefined) totals.passed++
  return found
}

function compareFailures(helm: string, ours: string, totals: Totals): string | undefined {
  totals.bothFail++
  const found = differentCause(helm, ours)
  if (found !== undefined) return found
  totals.sameCause++
  totals.passed++
  if (helm === ours.trim()) totals.sameMessage++
  return undefined
}

async function renderOurs(folder: string, valuesFile: string | undefined): Promise<{ manifest: string; error?: string }> {
  try {
    const chart: Chart = await loadChart(folderTree(folder))
    const values = valuesFile === undefined ? [] : [readValues(readFileSync(valuesFile, 'utf8'), valuesFile)]
    const { manifest } = await renderHelm(chart, { releaseName, namespace, values, kubeVersion, includeCrds: true })
    return { manifest }
  } catch (error) {
    return { manifest: '', error: isCoded(error) ? error.message : `${messageOf(error)} ${error instanceof Error ? error.stack : ''}` }
  }
}
