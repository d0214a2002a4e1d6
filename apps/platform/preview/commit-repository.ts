import { normalizeRemoteUrl, type GitTree } from '@idp/git'
import { CodedError } from '@idp/kit'
import { loadChart, type Chart } from '@idp/render-helm'
import type { ChartStore } from '../../../components/argocd/repo/chart-store.ts'
import { createRepoService } from '../../../components/argocd/repo/create-repo-service.ts'
import type { GitMirrors } from '../../../components/argocd/repo/git-mirrors.ts'
import type { RepoService } from '../../../components/argocd/repo/repo-service.ts'
import { sourceRenderers } from '../../../components/argocd/repo/source-renderers.ts'
import type { ChartSource } from '../repository/chart-index.ts'

/** One commit of the repository that is previewed. */
export interface CommitFiles { readonly commit: string; readonly tree: GitTree }

/** Argo CD's own repo server over commits that lie on this machine. What did not change between two commits is rendered once. */
export interface CommitRepository {
  /** Looks at `files` from now on, whatever branch a source names. */
  at(files: CommitFiles): RepoService
}

export interface CommitRepositoryOptions {
  readonly charts: ChartSource
  /** Whether a URL means the repository that is previewed. */
  isOwn(url: string): boolean
  /** Another revision of it that a source pins (a tag, a commit); undefined for branches, which the change is on. */
  pinned(revision: string): Promise<CommitFiles | undefined>
}

export function commitRepository({ charts, isOwn, pinned }: CommitRepositoryOptions): CommitRepository {
  const current: { files: CommitFiles | undefined } = { files: undefined }
  const lookUp = async (url: string, revision: string): Promise<CommitFiles> => {
    if (!isOwn(url)) throw new CodedError({ code: 'SourceElsewhere', message: `${url} is another repository, which a preview does not fetch`, where: url })
    const files = (await pinned(revision)) ?? current.files
    if (files === undefined) throw new Error('no commit is looked at')
    return files
  }
  const mirrors = {
    resolve: async ({ repository, revision }) => (await lookUp(repository.url, revision)).commit,
    async checkout({ repository, revision }) {
      const { commit, tree } = await lookUp(repository.url, revision)
      // The service only asks a checkout for its tree.
      return { commit, repository: { tree: async () => tree } as never }
    },
    [Symbol.asyncDispose]: async () => {},
  } satisfies GitMirrors
  const service = createRepoService(mirrors, sourceRenderers(chartStore(charts)))
  return {
    at(files) {
      current.files = files
      return service
    },
  }
}

/** Charts as `idp up` finds them, each loaded once. */
function chartStore(charts: ChartSource): ChartStore {
  const loaded = new Map<string, Promise<Chart>>()
  return {
    chart({ repository, name, version }) {
      const key = `${normalizeRemoteUrl(repository)}|${name}|${version ?? ''}`
      const known = loaded.get(key) ?? charts({ repository, name, version }).then((files) => loadChart(files, { source: name }))
      loaded.set(key, known)
      return known
    },
  }
}
