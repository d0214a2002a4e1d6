import { normalizeRemoteUrl } from '@idp/git'
import type { Secret } from '@idp/api'
import type { RepositoryAccess } from '../repo/repo-service.ts'

/** The repositories that the Secrets with label `argocd.argoproj.io/secret-type` describe. */
export interface RepositoryBook {
  /** How to reach a URL: its own Secret, with what a credential template of a longer prefix adds. */
  accessOf(url: string): RepositoryAccess
  chartRepositories(): readonly RepositoryAccess[]
  all(): readonly (RepositoryAccess & { readonly name?: string; readonly project?: string })[]
}

export function repositoryBook(secrets: () => readonly Secret[]): RepositoryBook {
  const rows = (type: string) => secrets().filter((secret) => secret.metadata.labels?.['argocd.argoproj.io/secret-type'] === type).map(readSecret)
  const withCredentials = (access: RepositoryAccess): RepositoryAccess => {
    if (access.password !== undefined) return access
    const template = rows('repo-creds').filter((one) => normalizeRemoteUrl(access.url).startsWith(normalizeRemoteUrl(one.url))).sort((a, b) => b.url.length - a.url.length)[0]
    return template === undefined ? access : { ...template, ...access, url: access.url, ...(template.username === undefined ? {} : { username: template.username }), ...(template.password === undefined ? {} : { password: template.password }) }
  }
  return {
    accessOf(url) {
      const wanted = normalizeRemoteUrl(url)
      const own = rows('repository').find((one) => normalizeRemoteUrl(one.url) === wanted)
      return withCredentials({ ...own, url })
    },
    chartRepositories: () => rows('repository').filter((one) => one.type === 'helm').map(withCredentials),
    all: () => rows('repository'),
  }
}

function readSecret({ data, stringData }: Secret): RepositoryAccess & { name?: string; project?: string } {
  const text = (key: string): string | undefined => {
    const plain = stringData?.[key]
    const encoded = data?.[key]
    return plain ?? (encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString())
  }
  const [username, password, type, name, project] = ['username', 'password', 'type', 'name', 'project'].map(text)
  return {
    url: text('url') ?? '', type: type === 'helm' ? 'helm' : 'git', insecure: text('insecure') === 'true', enableOCI: text('enableOCI') === 'true',
    ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }), ...(name === undefined ? {} : { name }), ...(project === undefined ? {} : { project }),
  }
}
