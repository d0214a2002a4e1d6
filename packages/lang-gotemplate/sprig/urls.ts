import { GoError } from '../go-error.ts'
import { bytesOf, stringOf } from '../go-string.ts'
import { quoteGo } from '../quote.ts'
import { fn, kindOf, type GoFunction, type GoMap } from '../value.ts'

/** urlParse and urlJoin, after Go's net/url. */
export const urlFunctions: readonly (readonly [string, GoFunction])[] = [
  ['urlParse', fn('string', urlParse)],
  ['urlJoin', fn('map', urlJoin)],
]

function unescape(text: string, whole: string): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text)
  if (bad !== null) throw new GoError(`unable to parse url: parse ${quoteGo(whole)}: invalid URL escape ${quoteGo(bad[0])}`)
  if (!text.includes('%')) return text
  const bytes: number[] = []
  const source = bytesOf(text)
  for (let i = 0; i < source.length; i++) {
    if (source[i] === 0x25) {
      bytes.push(Number.parseInt(String.fromCharCode(source[i + 1] ?? 0, source[i + 2] ?? 0), 16))
      i += 2
    } else bytes.push(source[i] ?? 0)
  }
  return stringOf(Uint8Array.from(bytes))
}

function urlParse(text: string): GoMap {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) throw new GoError(`unable to parse url: parse ${quoteGo(text)}: net/url: invalid control character in URL`)
  const hash = text.indexOf('#')
  const fragment = hash < 0 ? '' : unescape(text.slice(hash + 1), text)
  let rest = hash < 0 ? text : text.slice(0, hash)
  const schemeMatch = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(rest)
  if (rest.startsWith(':')) throw new GoError(`unable to parse url: parse ${quoteGo(text)}: missing protocol scheme`)
  const scheme = (schemeMatch?.[1] ?? '').toLowerCase()
  if (schemeMatch !== null) rest = rest.slice(schemeMatch[0].length)
  const question = rest.indexOf('?')
  const query = question < 0 ? '' : rest.slice(question + 1)
  if (question >= 0) rest = rest.slice(0, question)
  if (scheme !== '' && !rest.startsWith('/') && rest !== '') return { scheme, host: '', hostname: '', path: '', query, opaque: rest, fragment, userinfo: '' }
  if (scheme === '' && /^[^/]*:/.test(rest)) throw new GoError(`unable to parse url: parse ${quoteGo(text)}: first path segment in URL cannot contain colon`)
  let authority = ''
  if (rest.startsWith('//') && !rest.startsWith('///')) {
    const end = rest.indexOf('/', 2)
    authority = end < 0 ? rest.slice(2) : rest.slice(2, end)
    rest = end < 0 ? '' : rest.slice(end)
  } else if (rest.startsWith('///')) rest = rest.slice(2)
  const at = authority.lastIndexOf('@')
  const host = authority.slice(at + 1)
  const port = /^(?:\[[^\]]*\]|[^:[\]]*)(:.*)?$/.exec(host)?.[1]
  if (port !== undefined && !/^:\d*$/.test(port)) throw new GoError(`unable to parse url: parse ${quoteGo(text)}: invalid port ${quoteGo(port)} after host`)
  return {
    scheme, host, hostname: host.slice(0, host.length - (port?.length ?? 0)).replace(/^\[|\]$/g, ''), path: unescape(rest, text), query, opaque: '', fragment,
    userinfo: at < 0 ? '' : authority.slice(0, at),
  }
}

function text(map: GoMap, key: string): string {
  const value = Object.hasOwn(map, key) ? map[key] : ''
  if (typeof value !== 'string') throw new GoError(`unable to parse ${key} key, must be of type string, but ${kindOf(value)} found`)
  return value
}

function escapePath(path: string, keep: RegExp): string {
  let out = ''
  for (const byte of bytesOf(path)) {
    const r = String.fromCharCode(byte)
    out += byte < 0x80 && keep.test(r) ? r : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

function urlJoin(given: GoMap | null): string {
  const map = given ?? {}
  const [scheme, host, path, query, opaque, fragment, userinfo] = ['scheme', 'host', 'path', 'query', 'opaque', 'fragment', 'userinfo'].map((key) => text(map, key)) as [string, string, string, string, string, string, string]
  let out = scheme === '' ? '' : `${scheme}:`
  if (opaque !== '') out += opaque
  else {
    if (scheme !== '' || host !== '' || userinfo !== '') {
      if (host !== '' || path !== '' || userinfo !== '') out += '//'
      if (userinfo !== '') out += `${userinfo}@`
      out += host
    }
    const escaped = escapePath(path, /[A-Za-z0-9\-_.~$&+,/:;=@!*'()[\]]/)
    if (escaped !== '' && !escaped.startsWith('/') && host !== '') out += '/'
    out += escaped
  }
  if (query !== '') out += `?${query}`
  return fragment === '' ? out : `${out}#${escapePath(fragment, /[A-Za-z0-9\-_.~$&+,/:;=?@!*'()[\]]/)}`
}
