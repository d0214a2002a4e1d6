import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { memoryFiles } from '@idp/kit'
import { createHelmRenderer, renderHelm, type HelmRenderer, type Rendering } from '@idp/render-helm'
import { editedTemplate, withFolder, type Files } from './chart-files.ts'
import { valuesEdits, type ValuesEdit } from './values-edits.ts'

export interface Result { readonly name: string; readonly value: number; readonly unit: string; readonly peer?: number; readonly ratio?: number; readonly note?: string }

const options = { releaseName: 'bench', namespace: 'bench', includeCrds: true, sharedObjects: true } as const
const encoder = new TextEncoder()
const decoder = new TextDecoder()
type Bytes = Record<string, Uint8Array>

/**
 * Rendering again after one file changed, objects and all, for three kinds of edits, each against two readings of "the first": cold, the first
 * rendering of a process of its own, and warm, the first of a new renderer in this one with texts it has not seen. The caller says which file changed.
 */
export async function renderAgain(name: string, given: Files): Promise<Result[]> {
  const files: Bytes = Object.fromEntries(Object.entries(given).map(([path, text]) => [path, typeof text === 'string' ? encoder.encode(text) : text]))
  const { cold, second: coldSecond } = await coldFirst(files)
  const warm = await warmFirst(files)
  const results: Result[] = [
    { name: `helm first: ${name}, cold (a process of its own)`, value: cold, unit: 'ms' },
    { name: `helm second: ${name}, a template changed, cold too (the same process)`, value: coldSecond, unit: 'ms', peer: cold, ratio: cold / coldSecond }, { name: `helm first: ${name}, warm (a renderer of its own, new texts)`, value: warm, unit: 'ms' },
  ]
  const edits = [await templateEdit(files), ...await valuesEdits(files, (changed) => texts(changed))]
  for (const { title, path, contents, touched } of edits) {
    const second = await again(files, path, contents)
    results.push(
      { name: `helm again: ${name}, ${title}, against cold`, value: second, unit: 'ms', peer: cold, ratio: cold / second, note: `${touched} of the templates write something else` },
      { name: `helm again: ${name}, ${title}, against warm`, value: second, unit: 'ms', peer: warm, ratio: warm / second },
    )
  }
  return results
}

/** The first two renderings of a process. */
async function coldFirst(files: Bytes): Promise<{ cold: number; second: number }> {
  const script = fileURLToPath(new URL('./cold-helm.ts', import.meta.url))
  return await withFolder(files, async (folder) => {
    const rounds = Array.from({ length: 5 }, () => JSON.parse(execFileSync(process.execPath, [script, folder], { encoding: 'utf8' })) as [number, number])
    return { cold: middle(rounds.map(([first]) => first)), second: middle(rounds.map(([, second]) => second)) }
  })
}

/** Templates and values get texts of their own each time, so that nothing read before is of use. */
async function warmFirst(files: Bytes): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 9; round++) {
    const fresh: Bytes = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, isText(path) ? encoder.encode(`${comment(path, round)}${decoder.decode(bytes)}`) : bytes]))
    const tree = memoryFiles(fresh)
    times.push(await timed(async () => seen(await createHelmRenderer().render(tree, options))))
  }
  return middle(times)
}

function isText(path: string): boolean {
  return /(?:^|\/)templates\//.test(path) || path.endsWith('values.yaml')
}

function comment(path: string, round: number): string {
  return path.endsWith('values.yaml') ? `# round ${round}\n` : path.endsWith('.yaml') ? `# round ${round}\n---\n` : `{{/* round ${round} */}}`
}

async function templateEdit(files: Bytes): Promise<ValuesEdit> {
  const path = editedTemplate(files)
  const text = decoder.decode(files[path])
  return { title: `a template (${path})`, path, touched: 1, contents: (round) => `# changed ${round}\n---\n${text}` }
}

async function again(files: Bytes, path: string, contents: (round: number) => string): Promise<number> {
  const renderer: HelmRenderer = createHelmRenderer()
  await renderer.render(memoryFiles(files), options)
  const times: number[] = []
  let last: Rendering | undefined
  let now = files
  for (let round = 0; round < 40; round++) {
    now = { ...files, [path]: encoder.encode(contents(round)) }
    const tree = memoryFiles(now)
    times.push(await timed(async () => seen(last = await renderer.render(tree, options, { changed: [path] }))))
  }
  const anew = await renderHelm(memoryFiles(now), options)
  if (last?.documents.length !== anew.documents.length) throw new Error('rendering again gives something else')
  return middle(times.slice(5))
}

/** The objects are what is wanted. */
function seen(rendering: Rendering): void {
  if (rendering.documents.some(({ object }) => object === undefined)) throw new Error('nothing was rendered')
}

/** What each template writes. */
async function texts(files: Bytes): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const { documents } = await renderHelm(memoryFiles(files), { ...options, random: (count) => new Uint8Array(count) })
  for (const { path, text } of documents) found.set(path, `${found.get(path) ?? ''}\n---\n${text}`)
  return found
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN
}
