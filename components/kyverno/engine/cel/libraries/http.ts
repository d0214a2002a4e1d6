import { anyType, celToJson, dynType, jsonToCel, mapType, member, opaqueType, stringType, type CelLibrary, type CelValue } from '@idp/lang-cel'
import type { Json } from '@idp/formats'
import type { HttpRequest } from '../cel-source.ts'
import { RunContext } from '../run-context.ts'
import { bothCases } from './resource.ts'

export const httpType = opaqueType('http.Context')
export const globalContextType = opaqueType('globalcontext.Context')
const headerMap = mapType(stringType, stringType)

function ask(receiver: CelValue, request: Omit<HttpRequest, 'caBundle'>): CelValue {
  const { run: { lookups, source }, caBundle } = receiver as RunContext
  return lookups.ask(`http ${JSON.stringify(request)}`, async () => jsonToCel(await source.http({ ...request, ...(caBundle === undefined ? {} : { caBundle }) })))
}

const headersOf = (value: CelValue | undefined): Record<string, string> => (value === undefined ? {} : celToJson(value) as Record<string, string>)
const get = (at: CelValue, url: CelValue, headers?: CelValue): CelValue => ask(at, { method: 'GET', url: String(url), headers: headersOf(headers) })
const post = (at: CelValue, url: CelValue, body: CelValue, headers?: CelValue): CelValue => ask(at, { method: 'POST', url: String(url), body: celToJson(body) as Json, headers: headersOf(headers) })

/** `http.Get`, `http.Post`, `http.Client(ca)`. */
export const httpLibrary: CelLibrary = {
  name: 'kyverno.http',
  functions: [
    ...bothCases('Get', [member([httpType, stringType], anyType, (at, url) => get(at ?? null, url ?? '')), member([httpType, stringType, headerMap], anyType, (at, url, headers) => get(at ?? null, url ?? '', headers))]),
    ...bothCases('Post', [
      member([httpType, stringType, anyType], anyType, (at, url, body) => post(at ?? null, url ?? '', body ?? null)),
      member([httpType, stringType, anyType, headerMap], anyType, (at, url, body, headers) => post(at ?? null, url ?? '', body ?? null, headers)),
    ]),
    ...bothCases('Client', [member([httpType, stringType], httpType, (at, ca) => new RunContext(httpType, (at as RunContext).run, String(ca)))]),
  ],
}

function reference(at: CelValue, name: CelValue, projection: CelValue = ''): CelValue {
  const { lookups, source } = (at as RunContext).run
  return lookups.ask(`global ${String(name)} ${String(projection)}`, async () => jsonToCel(await source.globalContext(String(name), String(projection))))
}

/** `globalContext.Get(name[, projection])`. */
export const globalContextLibrary: CelLibrary = {
  name: 'kyverno.globalcontext',
  functions: bothCases('Get', [
    member([globalContextType, stringType], dynType, (at, name) => reference(at ?? null, name ?? '')),
    member([globalContextType, stringType, stringType], dynType, (at, name, projection) => reference(at ?? null, name ?? '', projection)),
  ]),
}
