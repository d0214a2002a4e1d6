import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, isCoded, memoryFiles } from '@idp/kit'
import { fetchChart, readArchive, type ChartCache } from '@idp/render-helm'
import type { ChartSource } from './chart-index.ts'

export interface UpstreamChartOptions {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Where archives are kept, so that a second start needs no network. */
  readonly cacheDirectory: string
  /** Charts that idp itself publishes nowhere: those of `ownRepository`. */
  readonly own: ChartSource
  /** One repository (http, https or oci) that holds a copy of every chart, asked instead of upstream's. */
  readonly mirror?: string
  readonly signal?: AbortSignal
}

/** Repository of the charts that ship with idp and have no upstream. */
export const ownRepository = 'https://charts.idp.dev'

/** What a packaged chart may unpack to. */
const limits = { maxFiles: 20_000, maxBytes: 100 * 1024 * 1024 }

/**
 * Charts as their publishers serve them, at the version that is asked for, checked against the digest of the repository's index.
 * Throws the CodedErrors of `fetchChart`, each with what to do.
 */
export function upstreamCharts(options: UpstreamChartOptions): ChartSource {
  const cache = directoryCache(options.cacheDirectory)
  return async (request) => {
    const { name, repository = '', version = '' } = request
    if (repository.replace(/\/+$/, '') === ownRepository) return options.own(request)
    const at = options.mirror ?? repository
    try {
      const { archive } = await fetchChart({ name, repository: at, version }, { fetch: options.fetch, cache, ...(options.signal === undefined ? {} : { signal: options.signal }) })
      return memoryFiles(Object.fromEntries(readArchive(archive, limits)))
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      throw new CodedError({ code: error.code, message: `chart '${name}' ${version}: ${error.message}`, where: error.where ?? at, remedy: error.remedy ?? remedyFor(error, options.mirror), cause: error })
    }
  }
}

function remedyFor(error: CodedError, mirror: string | undefined): string {
  if (isCoded(error, 'RepositoryUnavailable')) return mirror === undefined ? 'Check the network, or take the charts from a mirror with --charts URL' : 'Check the address that was given with --charts'
  if (isCoded(error, 'ChartNotFound', 'InvalidVersionRange')) return mirror === undefined ? 'Check name and version in the kustomization' : 'Copy that version of the chart into the mirror'
  return 'The archive is not what its repository promises; do not use it before its publisher has said why'
}

/** Keeps bytes below a directory, each under the digest of its key; a file appears only when it is whole. */
export function directoryCache(directory: string): ChartCache {
  const fileOf = (key: string) => join(directory, createHash('sha256').update(key).digest('hex'))
  return {
    get: (key) => readFile(fileOf(key)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    }),
    async put(key, bytes) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const part = `${fileOf(key)}.${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.part`
      await writeFile(part, bytes, { mode: 0o600 })
      await rename(part, fileOf(key))
    },
  }
}
