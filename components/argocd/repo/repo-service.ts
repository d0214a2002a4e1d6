import type { AnyObject } from '@idp/formats'
import type { ApplicationSource } from '../kinds/application.ts'

/** How to reach a repository; from the Secrets labelled `argocd.argoproj.io/secret-type`. */
export interface RepositoryAccess {
  readonly url: string
  readonly type?: 'git' | 'helm'
  readonly username?: string
  readonly password?: string
  readonly insecure?: boolean
  readonly enableOCI?: boolean
}

/** A revision of a Git repository, as the user wrote it. */
export interface RevisionRequest {
  readonly repository: RepositoryAccess
  /** Branch, tag, commit or HEAD. */
  readonly revision: string
  /** Milliseconds since the epoch: what the server said about its branches before that does not count. */
  readonly freshAfter?: number
}

export interface ManifestRequest extends Omit<RevisionRequest, 'revision'> {
  readonly application: string
  /** Namespace of the destination: Helm's release namespace. */
  readonly namespace: string
  readonly source: ApplicationSource
  /** In place of the source's targetRevision. */
  readonly revision?: string
  /** Sources of the same application that this one names as `$ref/…` in value files. */
  readonly refs?: Readonly<Record<string, { readonly repository: RepositoryAccess; readonly revision: string }>>
  readonly kubeVersion: string
  readonly apiVersions: readonly string[]
  /** `kustomize.buildOptions` of argocd-cm. */
  readonly kustomizeBuildOptions: string
  /** How chart repositories are reached, by URL. */
  readonly chartRepositories?: readonly RepositoryAccess[]
  /** Render again even if nothing changed. */
  readonly noCache?: boolean
  /** The digest of what the caller has: equal content is then not sent again. */
  readonly knownDigest?: string
}

export type SourceType = 'Directory' | 'Kustomize' | 'Helm' | 'Plugin'

export interface ManifestResponse {
  /** Commit id, or version of a chart. */
  readonly revision: string
  readonly sourceType: SourceType
  /** Equal digests mean equal manifests. */
  readonly digest: string
  /** Absent when `knownDigest` was right. */
  readonly manifests?: readonly AnyObject[]
  /** Beside `manifests`: where each was read from, e.g. `apps/web/service.yaml:12`; null where that is not known. */
  readonly origins?: readonly (string | null)[]
}

export interface RevisionMetadata { readonly author: string; readonly date: string; readonly message: string; readonly tags?: readonly string[] }

/** What the repo server does for the controllers. Every method throws CodedError; one bad repository concerns nobody else. */
export interface RepoService {
  manifests(request: ManifestRequest): Promise<ManifestResponse>
  resolveRevision(request: RevisionRequest): Promise<string>
  /** All directories of a revision, sorted, without the root. */
  directories(request: RevisionRequest): Promise<readonly string[]>
  /** Files whose path matches one of the glob patterns. */
  files(request: RevisionRequest & { readonly patterns: readonly string[] }): Promise<readonly { readonly path: string; readonly content: string }[]>
  revisionMetadata(request: RevisionRequest): Promise<RevisionMetadata>
}
