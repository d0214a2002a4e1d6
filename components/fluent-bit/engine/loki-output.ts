import { checkKeys, isOn, type Section } from './config.ts'
import { access, removeAt, type FluentRecord } from './record.ts'

export interface LokiTarget { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly insecure: boolean; readonly body: (records: readonly FluentRecord[]) => unknown }

const keys = ['name', 'match', 'host', 'port', 'uri', 'labels', 'label_keys', 'remove_keys', 'line_format', 'drop_single_key', 'auto_kubernetes_labels', 'tenant_id', 'http_user', 'http_passwd', 'bearer_token', 'tls', 'tls.verify', 'retry_limit', 'compress', 'structured_metadata', 'workers']

/** The output `loki`: where it posts to, and what for a batch. Throws CodedError `InvalidConfig`. */
export function lokiOutput(section: Section, file: string): LokiTarget {
  checkKeys(section, keys, file)
  const tls = isOn(section.get('tls'), false)
  const user = section.get('http_user')
  const tenant = section.get('tenant_id')
  const token = section.get('bearer_token')
  const [fixed, dynamic] = readLabels(section.get('labels') ?? 'job=fluent-bit')
  const labelKeys = list(section.get('label_keys'))
  const metadata = Object.entries(Object.fromEntries(list(section.get('structured_metadata')).map((pair) => pair.split('='))) as Record<string, string>)
  const shape: LineShape = { remove: [...list(section.get('remove_keys')), ...labelKeys], pairs: section.get('line_format') === 'key_value', single: (section.get('drop_single_key') ?? 'off').toLowerCase() }
  const automatic = isOn(section.get('auto_kubernetes_labels'), false)
  return {
    url: `${tls ? 'https' : 'http'}://${section.get('host') ?? '127.0.0.1'}:${section.get('port') ?? '3100'}${section.get('uri') ?? '/loki/api/v1/push'}`, insecure: !isOn(section.get('tls.verify'), true),
    headers: {
      'content-type': 'application/json', ...(tenant === undefined ? {} : { 'x-scope-orgid': tenant }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(user === undefined ? {} : { authorization: `Basic ${Buffer.from(`${user}:${section.get('http_passwd') ?? ''}`).toString('base64')}` }),
    },
    body(records) {
      const streams = new Map<string, { stream: Record<string, string>; values: unknown[] }>()
      for (const record of records) {
        const stream: Record<string, string> = { ...fixed }
        for (const [name, accessor] of [...dynamic, ...labelKeys.map((key) => [key.replace(/^\$/, '').replace(/[^a-zA-Z0-9_]+/g, '_').replace(/_$/, ''), key] as const)]) {
          const value = access(record.fields, accessor)
          if (value !== undefined && value !== null && typeof value !== 'object') stream[name] = String(value)
        }
        const labels = automatic ? access(record.fields, "$kubernetes['labels']") : undefined
        for (const [name, value] of Object.entries((labels ?? {}) as Record<string, string>)) stream[name.replace(/[^a-zA-Z0-9_]/g, '_')] = value
        const key = JSON.stringify(stream)
        const found = streams.get(key) ?? { stream, values: [] }
        const extra = Object.fromEntries(metadata.flatMap(([name, accessor]) => { const value = access(record.fields, accessor); return value === undefined ? [] : [[name, String(value)]] }))
        found.values.push([nanoseconds(record.t), lineOf(record, shape), ...(metadata.length === 0 ? [] : [extra])])
        streams.set(key, found)
      }
      return { streams: [...streams.values()] }
    },
  }
}

const list = (text: string | undefined): string[] => (text ?? '').split(',').map((word) => word.trim()).filter((word) => word !== '')

/** `job=fluent-bit, namespace=$kubernetes['namespace_name'], $sub['stream']` */
function readLabels(text: string): [Record<string, string>, (readonly [string, string])[]] {
  const fixed: Record<string, string> = {}
  const dynamic: (readonly [string, string])[] = []
  for (const word of list(text)) {
    const at = word.indexOf('=')
    const [name, value] = at < 0 ? [word.replace(/^\$/, '').replace(/[^a-zA-Z0-9_]+/g, '_').replace(/_$/, ''), word] : [word.slice(0, at), word.slice(at + 1)]
    if (value.startsWith('$')) dynamic.push([name, value])
    else fixed[name] = value
  }
  return [fixed, dynamic]
}

interface LineShape { readonly remove: readonly string[]; readonly pairs: boolean; readonly single: string }

function lineOf({ fields }: FluentRecord, { remove, pairs, single }: LineShape): string {
  const copy = structuredClone(fields)
  for (const key of remove) removeAt(copy, key)
  const entries = Object.entries(copy)
  const [only] = entries
  if (single !== 'off' && entries.length === 1 && only !== undefined) {
    const [, value] = only
    return single === 'raw' && typeof value === 'string' ? value : JSON.stringify(value)
  }
  return pairs ? entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(' ') : JSON.stringify(copy)
}

function nanoseconds(ms: number): string {
  const whole = Math.floor(ms)
  return `${whole}${String(Math.round((ms - whole) * 1000) * 1000).padStart(6, '0')}`
}
