const tests: Readonly<Record<string, (text: string) => boolean>> = {
  ipv4: isIPv4,
  ipv6: isIPv6,
  uuid: (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text),
  date: isDate,
  time: (text) => /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(text),
  'date-time': (text) => isDate(text.slice(0, 10)) && /^.{10}T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(text),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  hostname: (text) => text.length <= 253 && text.replace(/\.$/, '').split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)),
  uri: (text) => URL.canParse(text),
  'uri-reference': (text) => !/[\s\\]/.test(text),
  'json-pointer': (text) => /^(?:\/(?:[^~/]|~[01])*)*$/.test(text),
}

/** Does a text have a format? Unknown formats hold for everything. */
export function isValidFormat(format: string, text: string): boolean {
  return Object.hasOwn(tests, format) ? tests[format]?.(text) ?? true : true
}

function isIPv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}$/.test(text) && !text.endsWith('.')
}

/** Eight groups, or fewer around one `::`; the last two may be an IPv4 address (RFC 4291 §2.2). */
function isIPv6(text: string): boolean {
  const last = text.slice(text.lastIndexOf(':') + 1)
  const whole = last.includes('.') ? (isIPv4(last) ? `${text.slice(0, -last.length)}0:0` : 'x') : text
  const [head = '', tail, ...more] = whole.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const all = [...groups(head), ...groups(tail ?? '')]
  return more.length === 0 && all.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) && (tail === undefined ? all.length === 8 : all.length < 8)
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (match === null) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(match[3])
}
