import { fileURLToPath } from 'node:url'
import { CodedError, type FileTree } from '@idp/kit'
import { directoryFiles } from './directory-files.ts'

/** A chart that a kustomization names. */
export interface ChartRequest { readonly name: string; readonly repository?: string | undefined; readonly version?: string | undefined }

/** Finds charts by upstream's repository and name. */
export type ChartSource = (request: ChartRequest) => Promise<FileTree>

export interface ChartEntry { readonly repository: string; readonly name: string; readonly directory: URL | string }

const normal = (repository: string): string => repository.replace(/\/+$/, '').toLowerCase()

/** The stand-in charts that ship with idp. Throws CodedError `MissingChart` that names those of the same repository. */
export function standInCharts(entries: readonly ChartEntry[]): ChartSource {
  return async ({ name, repository = '' }) => {
    const found = entries.find((entry) => entry.name === name && normal(entry.repository) === normal(repository))
    if (found !== undefined) return directoryFiles(typeof found.directory === 'string' ? found.directory : fileURLToPath(found.directory))
    const same = entries.filter((entry) => normal(entry.repository) === normal(repository)).map((entry) => entry.name)
    throw new CodedError({
      code: 'MissingChart', message: `there is no stand-in for chart '${name}' of ${repository === '' ? 'no repository' : repository}`, where: `${repository}/${name}`,
      remedy: same.length === 0 ? 'No chart of that repository has a stand-in; check the URL' : `Of that repository there are ${same.join(', ')}`,
    })
  }
}
