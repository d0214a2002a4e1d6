import { readFile, readdir } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

/** Nothing but files of this server runs or is fetched; no markup is made from text (`require-trusted-types-for`). */
export const security: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
}

const types: Readonly<Record<string, string>> = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' }

export interface Assets {
  /** The file at a path; undefined when there is none. */
  at(path: string, request: Request): Response | undefined
  /** All of it, as it goes over the wire. */
  readonly bytes: number
}

/** The browser's files, read and packed once. */
export async function loadAssets(directory: URL): Promise<Assets> {
  const names = (await readdir(directory)).filter((name) => (name.split('.').at(-1) ?? '') in types)
  const files = new Map(await Promise.all(names.map(async (name) => {
    const plain = await readFile(new URL(name, directory))
    return [name, { plain, packed: gzipSync(plain), type: types[name.split('.').at(-1) ?? ''] ?? '' }] as const
  })))
  return {
    bytes: files.values().reduce((sum, { packed }) => sum + packed.byteLength, 0),
    at(path, request) {
      // Every page is the same document: the browser's part reads which one from the address.
      const name = path.startsWith('/assets/') ? path.slice('/assets/'.length) : /^\/(?:$|(?:architecture|applications|problems|timeline|nodes)(?:\/|$))/.test(path) ? 'index.html' : ''
      const file = files.get(name)
      if (file === undefined) return undefined
      const pack = request.headers.get('accept-encoding')?.includes('gzip') === true
      return new Response(new Uint8Array(pack ? file.packed : file.plain), { headers: { 'content-type': file.type, 'cache-control': 'no-cache', ...(pack ? { 'content-encoding': 'gzip' } : {}), vary: 'accept-encoding', ...security } })
    },
  }
}
