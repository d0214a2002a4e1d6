import { normalizeRemoteUrl } from '@idp/git'
import { CodedError, type FileTree } from '@idp/kit'
import { loadChart, type Chart } from '@idp/render-helm'
import type { RepositoryAccess } from './repo-service.ts'

export interface ChartRequest { readonly repository: string; readonly name: string; readonly version: string | undefined; readonly access?: RepositoryAccess | undefined }

/** Gives charts by the repository and name that users write. Throws CodedError `ChartNotFound`. */
export interface ChartStore { chart(request: ChartRequest): Promise<Chart> }

/** `{ "<repository URL>": { "<chart>": "<folder>" } }`. */
export type ChartIndex = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface StandInOptions {
  /** Holds `index.json` and the folders that it names. */
  readonly files: FileTree
  /** Asked for what is not there. */
  readonly otherwise?: ChartStore
}

/** The stand-in charts that come with the image, each loaded once. */
export function standInCharts({ files, otherwise }: StandInOptions): ChartStore {
  let index: Promise<ReadonlyMap<string, string>> | undefined
  const loaded = new Map<string, Promise<Chart>>()
  const readIndex = async (): Promise<ReadonlyMap<string, string>> => {
    const text = await files.read('index.json')
    const parsed = text === undefined ? {} : JSON.parse(new TextDecoder().decode(text)) as ChartIndex
    return new Map(Object.entries(parsed).flatMap(([repository, charts]) => Object.entries(charts).map(([name, folder]) => [chartKey(repository, name), folder] as const)))
  }
  return {
    async chart(request) {
      index ??= readIndex()
      const folder = (await index).get(chartKey(request.repository, request.name))
      if (folder === undefined) {
        if (otherwise !== undefined) return otherwise.chart(request)
        throw chartNotFound(request, [...(await index).keys()])
      }
      let chart = loaded.get(folder)
      if (chart === undefined) {
        chart = loadChart(subtree(files, folder), { source: request.name })
        loaded.set(folder, chart)
        chart.catch(() => loaded.delete(folder))
      }
      return chart
    },
  }
}

function chartKey(repository: string, name: string): string {
  return `${normalizeRemoteUrl(repository.replace(/^oci:\/\//, ''))}|${name}`
}

function chartNotFound({ repository, name, version }: ChartRequest, known: readonly string[]): CodedError {
  const similar = known.filter((key) => key.endsWith(`|${name}`)).map((key) => key.split('|')[0])
  const hint = similar.length > 0 ? `There is a chart ${name} in ${similar.join(', ')}` : 'Correct the name of the chart or its repository, or start with --charts upstream'
  return new CodedError({ code: 'ChartNotFound', message: `chart ${name}${version === undefined ? '' : ` ${version}`} not found in ${repository}`, remedy: hint })
}

/** A folder of a tree as a tree. */
export function subtree(files: FileTree, folder: string): FileTree {
  if (folder === '') return files
  const inside = (path: string): string => (path === '' ? folder : `${folder}/${path}`)
  return { read: (path) => files.read(inside(path)), list: (path) => files.list(inside(path)) }
}
