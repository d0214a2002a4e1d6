import { normalizeRemoteUrl } from '@idp/git'
import type { ApplicationSource } from '../kinds/application.ts'

/** What a push webhook says, whoever sent it. */
export interface PushEvent {
  /** URLs under which the repository may be known. */
  readonly urls: readonly string[]
  /** Branch or tag without `refs/heads/`. */
  readonly revision: string
  readonly isDefaultBranch: boolean
  /** Paths that changed; undefined when the sender does not say. */
  readonly changed: readonly string[] | undefined
}

interface Body {
  ref?: string
  repository?: { html_url?: string; clone_url?: string; ssh_url?: string; url?: string; git_http_url?: string; git_ssh_url?: string; default_branch?: string; homepage?: string }
  project?: { web_url?: string; git_http_url?: string; git_ssh_url?: string; default_branch?: string }
  commits?: { added?: string[]; modified?: string[]; removed?: string[] }[]
}

/** Reads a push of GitHub, GitLab, Gitea or Gogs shape; undefined when it is something else. */
export function readPush(headers: Headers, text: string): PushEvent | undefined {
  const kind = headers.get('x-github-event') ?? headers.get('x-gitea-event') ?? headers.get('x-gogs-event') ?? headers.get('x-gitlab-event')
  if (kind === null || !['push', 'Push Hook', 'Tag Push Hook', 'System Hook'].includes(kind)) return undefined
  let body: Body
  try {
    body = JSON.parse(text) as Body
  } catch {
    return undefined
  }
  const { repository = {}, project = {}, ref, commits } = body
  if (typeof ref !== 'string') return undefined
  const urls = [repository.clone_url, repository.html_url, repository.ssh_url, repository.git_http_url, repository.git_ssh_url, repository.homepage, project.web_url, project.git_http_url, project.git_ssh_url]
    .filter((one) => typeof one === 'string' && one !== '') as string[]
  const revision = ref.replace(/^refs\/(heads|tags)\//, '')
  const main = repository.default_branch ?? project.default_branch
  const changed = commits?.flatMap(({ added = [], modified = [], removed = [] }) => [...added, ...modified, ...removed])
  return { urls, revision, isDefaultBranch: main === undefined || main === revision, changed: changed === undefined || changed.length === 0 ? undefined : [...new Set(changed)] }
}

/** True when the push may change what a source of this repository and revision gives. */
export function concerns(push: PushEvent, { repoURL, targetRevision }: Pick<ApplicationSource, 'repoURL' | 'targetRevision'>): boolean {
  const wanted = normalizeRemoteUrl(repoURL)
  if (!push.urls.some((url) => normalizeRemoteUrl(url) === wanted)) return false
  const revision = (targetRevision ?? '').replace(/^refs\/(heads|tags)\//, '')
  return revision === '' || revision === 'HEAD' ? push.isDefaultBranch : revision === push.revision || /[*^~<>|]|\.x/.test(revision)
}
