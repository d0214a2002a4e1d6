/** What the request line says after the host; a URL has these as well. */
export interface RequestTarget {
  readonly pathname: string
  /** With its `?`, or empty. */
  readonly search: string
  /** Never changed: requests without a query share one. */
  readonly searchParams: URLSearchParams
}

const none = new URLSearchParams()
/** What only a URL parser can be trusted with. */
const unusual = /[#\\]|\/\.|%2e/i

/** Reads an absolute URL as a Request has it, which is in normal form already; several times cheaper than parsing it again. */
export function requestTarget(url: string): RequestTarget {
  if (unusual.test(url)) return new URL(url)
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const query = url.indexOf('?', start)
  if (start < 0 || query < 0) return { pathname: start < 0 ? '/' : url.slice(start), search: '', searchParams: none }
  const search = url.slice(query)
  let parsed: URLSearchParams | undefined
  return { pathname: url.slice(start, query), search: search === '?' ? '' : search, get searchParams() { return (parsed ??= new URLSearchParams(search)) } }
}
