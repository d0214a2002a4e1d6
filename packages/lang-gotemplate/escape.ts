import { bytesOf } from './go-string.ts'
import { isPrintable } from './quote.ts'

const html: Readonly<Record<string, string>> = { '\0': '\ufffd', '"': '&#34;', '\'': '&#39;', '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** template.HTMLEscapeString. */
export function escapeHtml(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0"'&<>]/g, (r) => html[r] ?? r)
}

const js: Readonly<Record<string, string>> = { '\\': '\\\\', '\'': '\\\'', '"': '\\"', '<': '\\u003C', '>': '\\u003E', '&': '\\u0026', '=': '\\u003D' }

/** template.JSEscapeString. */
export function escapeJs(text: string): string {
  let out = ''
  for (const r of text) {
    const code = r.codePointAt(0) ?? 0
    out += js[r] ?? (code < 0x20 ? `\\u00${code.toString(16).toUpperCase().padStart(2, '0')}`
      : code < 0x80 || isPrintable(code) ? r : `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`)
  }
  return out
}

/** url.QueryEscape. */
export function escapeQuery(text: string): string {
  let out = ''
  for (const byte of bytesOf(text)) {
    const r = String.fromCharCode(byte)
    out += r === ' ' ? '+' : /[A-Za-z0-9_.~-]/.test(r) ? r : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
