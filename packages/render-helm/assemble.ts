import { CodedError } from '@idp/kit'
import { compareStrings, stringOf } from '@idp/lang-gotemplate/core'
import type { CrdFile } from './chart.ts'
import type { ActiveChart } from './dependencies.ts'
import { globOfPath } from './helmignore.ts'
import { hookOf, manifestOf, readObject, readPart, sharedManifestOf, splitDocuments, trimSpace, type Hook, type Manifest, type Part, type Stored, type StoredHook } from './manifests.ts'
import { sortAgain, type SortedParts } from './sorted-parts.ts'
import type { RenderedDocument, Rendering, RenderOptions } from './render-options.ts'
import { partOf, type Output } from './render-templates.ts'

const crdFiles = new WeakMap<Uint8Array, CrdFile>()

/** These are large and hardly ever change. */
function crdFile(path: string, bytes: Uint8Array): CrdFile {
  let file = crdFiles.get(bytes)
  if (file?.path !== path) crdFiles.set(bytes, file = { path, text: stringOf(bytes) })
  return file
}

const crdDocuments = new WeakMap<CrdFile, readonly Stored[]>()

function documentsOfCrd(file: CrdFile): readonly Stored[] {
  let found = crdDocuments.get(file)
  if (found === undefined) {
    crdDocuments.set(file, found = splitDocuments(file.text).flatMap((text) => {
      const source = readObject(file.path, text)
      return source === undefined ? [] : [{ path: file.path, text, kind: typeof source.kind === 'string' ? source.kind : '', source }]
    }))
  }
  return found
}

const crdsOfFiles = new WeakMap<ReadonlyMap<string, Uint8Array>, { readonly at: string; readonly files: readonly CrdFile[] }>()

/** CRD files of a chart and its enabled subcharts. */
function crdsOf(active: ActiveChart): CrdFile[] {
  const { files } = active.chart
  let own = crdsOfFiles.get(files)
  if (own?.at !== active.fullPath) {
    const found = [...files].filter(([path]) => path.startsWith('crds/') && /\.(?:yaml|yml|json)$/.test(path))
      .sort(([a], [b]) => compareStrings(a, b)).map(([path, bytes]) => crdFile(`${active.fullPath}/${path}`, bytes))
    crdsOfFiles.set(files, own = { at: active.fullPath, files: found })
  }
  return [...own.files, ...active.dependencies.flatMap(crdsOf)]
}

/** Documents, hooks, CRDs and notes of what templates wrote. Throws CodedError `InvalidYaml`, `InvalidManifest`. */
export async function assemble(outputs: ReadonlyMap<string, Output>, active: ActiveChart, options: RenderOptions, before?: SortedParts): Promise<{ rendering: Rendering; sorted: SortedParts }> {
  const notes: string[] = []
  const parts = new Map<string, Part>()
  for (const [path, output] of outputs) {
    if (!path.endsWith('NOTES.txt')) {
      if (options.postRenderer === undefined) parts.set(path, partOf(path, output))
    } else if (options.subNotes === true || path === `${active.name}/templates/NOTES.txt`) notes.push(output.text)
  }
  if (options.postRenderer !== undefined) {
    const texts = new Map([...outputs].flatMap(([path, { text }]) => (path.endsWith('NOTES.txt') ? [] : [[path, text] as const])))
    for (const [path, text] of await options.postRenderer(texts)) parts.set(path, readPart(path, text))
  }
  const sorted = sortAgain(parts, before)
  return { rendering: shown(sorted, crdsOf(active), notes.length === 0 ? undefined : notes.join('\n'), options), sorted }
}

/** What the flags leave to see. */
function shown({ manifests, hooks }: SortedParts, crds: readonly CrdFile[], notes: string | undefined, options: RenderOptions): Rendering {
  if (options.showOnly !== undefined && options.showOnly.length > 0) {
    const shown = [...manifests, ...(options.noHooks === true ? [] : hooks)]
    return new Assembled(options.showOnly.flatMap((pattern) => matching(pattern, shown)), [], [], undefined, options)
  }
  return new Assembled(manifests, hooks, crds, notes, options)
}

/** Documents of the templates a pattern names below the chart. */
function matching(pattern: string, all: readonly Stored[]): Stored[] {
  const glob = globOfPath(pattern)
  const found = all.filter(({ path }) => glob.test(path.slice(path.indexOf('/') + 1)))
  if (found.length === 0) throw new CodedError({ code: 'TemplateNotFound', message: `could not find template ${pattern} in chart`, where: pattern })
  return found
}

/** Texts and objects are put together when they are asked for. */
class Assembled implements Rendering {
  readonly crds: readonly CrdFile[]
  readonly notes: string | undefined
  private readonly stored: readonly Stored[]
  private readonly storedHooks: readonly StoredHook[]
  private readonly options: RenderOptions
  private text: string | undefined
  private all: readonly RenderedDocument[] | undefined

  constructor(stored: readonly Stored[], hooks: readonly StoredHook[], crds: readonly CrdFile[], notes: string | undefined, options: RenderOptions) {
    this.stored = stored
    this.storedHooks = hooks
    this.crds = crds
    this.notes = notes
    this.options = options
  }

  get hooks(): readonly Hook[] {
    return this.storedHooks.map(hookOf)
  }

  private shownHooks(): readonly StoredHook[] {
    const { noHooks, skipTests } = this.options
    return noHooks === true ? [] : this.storedHooks.filter(({ head }) => skipTests !== true || !head.events.includes('test'))
  }

  get manifest(): string {
    if (this.text !== undefined) return this.text
    const crds = this.options.includeCrds === true ? this.crds.map(printed).join('') : ''
    const body = trimSpace(crds + this.stored.map(printed).join(''))
    return (this.text = `${body}\n${this.shownHooks().map(printed).join('')}`)
  }

  get documents(): readonly RenderedDocument[] {
    if (this.all !== undefined) return this.all
    const handOut = this.options.sharedObjects === true ? sharedManifestOf : manifestOf
    const crds = this.options.includeCrds === true ? this.crds.flatMap(documentsOfCrd) : []
    return (this.all = [...crds, ...this.stored, ...this.shownHooks()].map(handOut).filter(isDocument))
  }
}

function isDocument(manifest: Manifest): manifest is Manifest & RenderedDocument {
  return manifest.kind !== '' || manifest.object !== undefined
}

function printed({ path, text }: { path: string; text: string }): string {
  return `---\n# Source: ${path}\n${text}\n`
}
