import { boolType, listType, mapType, opaqueType, stringType } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { CelFault } from '../value/fault.ts'
import { CelOpaque, type CelValue } from '../value/value.ts'

export const urlType = opaqueType('kubernetes.URL')

interface UrlParts { readonly scheme: string; readonly host: string; readonly path: string; readonly query: string }

class Url extends CelOpaque {
  override readonly celType = urlType
  readonly text: string
  readonly parts: UrlParts
  constructor(text: string, parts: UrlParts) {
    super()
    this.text = text
    this.parts = parts
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof Url && other.text === this.text
  }
}

/** Parses an absolute URI or an absolute path as Go's `url.ParseRequestURI` does (RFC 3986, a `#` has no meaning). Answers what is wrong as text. */
export function parseRequestUri(text: string): UrlParts | string {
  const wrong = (why: string) => `parse ${JSON.stringify(text)}: ${why}`
  if (/[\u0000-\u001f\u007f]/.test(text)) return wrong('net/url: invalid control character in URL')
  if (text === '') return wrong('empty url')
  if (text === '*') return { scheme: '', host: '', path: '*', query: '' }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1] ?? ''
  if (scheme === '' && /^[^/?#]*:/.test(text)) return wrong(text.startsWith(':') ? 'missing protocol scheme' : 'first path segment in URL cannot contain colon')
  const afterScheme = scheme === '' ? text : text.slice(scheme.length + 1)
  const mark = afterScheme.indexOf('?')
  const rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark)
  const query = mark < 0 ? '' : afterScheme.slice(mark + 1)
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { scheme: scheme.toLowerCase(), host: '', path: '', query }
    return wrong('invalid URI for request')
  }
  let host = ''
  let path = rest
  if ((scheme !== '' || !rest.startsWith('///')) && rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2)
    const authority = rest.slice(2, slash < 0 ? undefined : slash)
    path = slash < 0 ? '' : rest.slice(slash)
    const at = authority.lastIndexOf('@')
    if (at >= 0 && !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(authority.slice(0, at))) return wrong('net/url: invalid userinfo')
    host = authority.slice(at + 1)
    const bad = badHost(host)
    if (bad !== undefined) return wrong(bad)
  }
  const escape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path)
  if (escape) return wrong(`invalid URL escape ${JSON.stringify(escape[0])}`)
  return { scheme: scheme.toLowerCase(), host, path, query }
}

function badHost(host: string): string | undefined {
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']')
    if (end < 0) return "missing ']' in host"
    const port = host.slice(end + 1)
    return /^(?::\d*)?$/.test(port) ? undefined : `invalid port ${JSON.stringify(port)} after host`
  }
  const colon = host.lastIndexOf(':')
  if (colon >= 0 && !/^:\d*$/.test(host.slice(colon))) return `invalid port ${JSON.stringify(host.slice(colon))} after host`
  const name = colon >= 0 ? host.slice(0, colon) : host
  if (name.includes(':')) return `invalid port ${JSON.stringify(host.slice(host.indexOf(':')))} after host`
  const bad = /[^A-Za-z0-9\-._~!$&'()*+,;=%\u0080-\uffff:"<>[\]]/.exec(name)
  return bad ? `invalid character ${JSON.stringify(bad[0])} in host name` : undefined
}

function makeUrl(text: CelValue): Url {
  const parts = parseRequestUri(text as string)
  // What is behind a # counts when the text is checked, and then no more.
  if (typeof parts !== 'string') return new Url(text as string, cutFragment(parts, text as string))
  throw new CelFault(`URL parse error during conversion from string: ${parts}`)
}

function cutFragment(parts: UrlParts, text: string): UrlParts {
  const whole = text.includes('#') ? parseRequestUri(text.slice(0, text.indexOf('#'))) : parts
  return typeof whole === 'string' ? parts : whole
}

const hostname = ({ host }: UrlParts) => host.startsWith('[') ? host.slice(1, host.lastIndexOf(']')) : host.replace(/:\d*$/, '')
const port = ({ host }: UrlParts) => /:(\d*)$/.exec(host.startsWith('[') ? host.slice(host.lastIndexOf(']')) : host)?.[1] ?? ''

/** The path as it is when it is well escaped, else with everything escaped that must be. */
function escapedPath({ path }: UrlParts): string {
  if (/^[A-Za-z0-9\-._~$&+,/:;=@!'()*[\]%]*$/.test(path)) return path
  const decoded = unescape(path, false)
  return Array.from(Buffer.from(decoded ?? path, 'utf8'), (byte) => {
    const char = String.fromCharCode(byte)
    return /[A-Za-z0-9\-._~$&+,/:;=@]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

function unescape(text: string, plus: boolean): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    if (char === '%') {
      bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16))
      i += 2
    } else bytes.push(...Buffer.from(plus && char === '+' ? ' ' : String.fromCodePoint(text.codePointAt(i) ?? 0), 'utf8'))
    if ((text.codePointAt(i) ?? 0) > 0xffff) i++
  }
  return Buffer.from(bytes).toString('utf8')
}

/** The parameters of the query; ill-formed ones are left out. */
function queryOf({ query }: UrlParts): Record<string, string[]> {
  const found: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const key = unescape(equals < 0 ? pair : pair.slice(0, equals), true)
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1), true)
    if (key !== undefined && value !== undefined) (found[key] ??= []).push(value)
  }
  return found
}

const part = (name: string, read: (parts: UrlParts) => string): CelFunction => ({ name, overloads: [member([urlType], stringType, (url) => read((url as Url).parts))] })
const cost = ([text = '']: readonly CelValue[]) => traversalCost(text)

const functions: CelFunction[] = [
  { name: 'url', overloads: [global([stringType], urlType, makeUrl, cost)] },
  { name: 'isURL', overloads: [global([stringType], boolType, (text) => typeof parseRequestUri(text as string) !== 'string')] },
  part('getScheme', ({ scheme }) => scheme), part('getHost', ({ host }) => host), part('getHostname', hostname), part('getPort', port), part('getEscapedPath', escapedPath),
  { name: 'getQuery', overloads: [member([urlType], mapType(stringType, listType(stringType)), (url) => queryOf((url as Url).parts))] },
]

/** `url`, `isURL`, `getHost` … (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library). */
export const urlLibrary: CelLibrary = { name: 'kubernetes.urls', functions, types: [urlType] }
