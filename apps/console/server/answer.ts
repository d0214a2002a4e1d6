import { gzipSync } from 'node:zlib'
import { security } from './assets.ts'

const worthPacking = 1_400

/** A value as JSON, packed when it is long and the browser takes that. */
export function json(value: unknown, request?: Request, status = 200): Response {
  const text = JSON.stringify(value)
  const pack = text.length > worthPacking && request?.headers.get('accept-encoding')?.includes('gzip') === true
  return new Response(pack ? new Uint8Array(gzipSync(text, { level: 4 })) : text, { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...(pack ? { 'content-encoding': 'gzip' } : {}), ...security } })
}

/** What went wrong and what to do about it, as JSON. */
export function refuse(status: number, message: string, remedy?: string): Response {
  return json({ message, ...(remedy === undefined ? {} : { remedy }) }, undefined, status)
}
