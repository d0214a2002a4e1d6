/** A Git repository and a directory in it, as a kustomization names remote bases. */
export interface RepositoryUrl {
  /** What to clone, e.g. `https://github.com/org/repo.git`. */
  readonly repository: string
  /** Directory inside, '' for its root. */
  readonly path: string
  /** Branch, tag or commit; undefined for the default branch. */
  readonly ref: string | undefined
  /** As written. */
  readonly text: string
}

const SCHEMES = /^(?:git::)?(?:https?:\/\/|ssh:\/\/|file:\/\/|git@|gh:|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:)/i
const BARE_HOSTS = /^(?:github\.com|www\.github\.com)[:/]/i

/** Reads a URL in one of the forms kustomize accepts, or returns undefined for a local path. */
export function parseRepositoryUrl(text: string): RepositoryUrl | undefined {
  if (text.startsWith('/') || text.startsWith('.') || !(SCHEMES.test(text) || BARE_HOSTS.test(text))) return undefined
  const [location = '', query = ''] = splitOnce(text.replace(/^git::/i, '').replace(/^gh:/i, 'git@github.com:'), '?')
  const ref = new URLSearchParams(query).get('ref') ?? new URLSearchParams(query).get('version') ?? undefined
  const head = /^(?:[a-z]+:\/\/[^/]*\/?|[^/:]+@[^/:]+[:/]|(?:www\.)?github\.com[:/])/i.exec(location)?.[0] ?? ''
  const rest = location.slice(head.length)
  const found = splitRepository(head, rest)
  if (found === undefined) return undefined
  const path = found.path.replace(/^\/+|\/+$/g, '')
  return { repository: `${normalHost(head)}${found.repository}${suffix(head, found.repository)}`, path, ref: ref === '' ? undefined : ref, text }
}

/** `//` divides repository and path; else `.git` or `_git/x`; else the first two segments, or all of a local repository. */
function splitRepository(head: string, rest: string): { repository: string; path: string } | undefined {
  const [before, after] = splitOnce(rest, '//')
  if (after !== undefined) return { repository: before, path: after }
  const git = /^(.*?\.git)(?:\/(.*))?$/.exec(rest)
  if (git !== null) return { repository: git[1] ?? '', path: git[2] ?? '' }
  const azure = /^(.*\/_git\/[^/]+)(?:\/(.*))?$/.exec(rest)
  if (azure !== null) return { repository: azure[1] ?? '', path: azure[2] ?? '' }
  if (/^file:/i.test(head)) return { repository: rest, path: '' }
  const parts = rest.split('/')
  if (parts.length < 2 || parts[0] === '' || parts[1] === '') return undefined
  return { repository: parts.slice(0, 2).join('/'), path: parts.slice(2).join('/') }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}

function normalHost(head: string): string {
  return /^(?:www\.)?github\.com[:/]$|^https?:\/\/(?:www\.)?github\.com\/$/i.test(head) ? 'https://github.com/' : head
}

function suffix(head: string, repository: string): string {
  return /github\.com/i.test(head) && !repository.endsWith('.git') ? '.git' : ''
}
