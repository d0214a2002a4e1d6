import { CodedError } from '@idp/kit'

/** User name and password (or token) for HTTP; sent in a header, never in a process's arguments. */
export interface GitCredentials { readonly username: string; readonly password: string }

export interface RemoteUrl {
  /** Without credentials, query and trailing slash. */
  readonly url: string
  /** What the URL itself carried. */
  readonly credentials: GitCredentials | undefined
}

/**
 * Accepts `http:` and `https:` URLs. Everything else (`ext::`, local paths, ssh, a leading dash) is refused by name.
 * Throws CodedError `GitUrlRefused`; its message does not repeat credentials.
 */
export function parseRemoteUrl(text: string): RemoteUrl {
  if (/^(ssh:|[\w.-]+@[\w.-]+:)/.test(text)) throw refused('Git over SSH is not supported', text, 'Use the https:// URL of the repository')
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw refused('it is not a URL', text, 'Write http://… or https://…')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(`the transport ${url.protocol} is not allowed`, text, 'Write http://… or https://…')
  const credentials = url.username === '' && url.password === '' ? undefined : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  return { url: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`, credentials }
}

function refused(why: string, text: string, remedy: string): CodedError {
  return new CodedError({ code: 'GitUrlRefused', message: `the repository URL is refused: ${why}`, where: text.replace(/\/\/[^@/]*@/, '//…@'), remedy })
}

/** Argo CD's way to compare repository URLs: lower case, without `.git`, user and trailing slash. */
export function normalizeRemoteUrl(text: string): string {
  const scp = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)(.*)$/.exec(text.trim())
  const plain = scp === null ? text.trim() : `ssh://${scp[1] ?? ''}/${scp[2] ?? ''}`
  return plain.toLowerCase().replace(/^([a-z+]+:\/\/)[^@/]*@/, '$1').replace(/\/+$/, '').replace(/\.git$/, '')
}
