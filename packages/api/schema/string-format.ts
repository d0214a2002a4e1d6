/** The string formats that structural schemas check, by name in its short form; a format that is not here is not checked. */
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/
const hostname = /^(?=.{1,255}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$/
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const dateTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[tT ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[zZ]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/
const dnsLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** True for an IPv4 address in dotted form without leading zeros. */
export function isIPv4(text: string): boolean {
  return ipv4.test(text) && text.split('.').every((part) => part === String(Number(part)))
}

/** True for an IPv6 address, also with an embedded IPv4 address. */
export function isIPv6(text: string): boolean {
  let groups = 8
  let rest = text
  const last = text.slice(text.lastIndexOf(':') + 1)
  if (last.includes('.')) {
    if (!isIPv4(last)) return false
    groups = 6
    rest = text.slice(0, text.length - last.length - (text.endsWith(`::${last}`) ? 0 : 1))
  }
  const halves = rest.split('::')
  if (halves.length > 2) return false
  const parts = halves.flatMap((half) => half === '' ? [] : half.split(':'))
  return text.includes(':') && parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) && (halves.length === 2 ? parts.length < groups : parts.length === groups)
}

export function isIP(text: string): boolean {
  return isIPv4(text) || isIPv6(text)
}

/** True for an address with a prefix length, `10.0.0.0/8`. */
export function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/')
  return more === undefined && /^\d{1,3}$/.test(bits) && ((isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128))
}

/** True for a duration as Go writes it (`1h30m`, `250ms`, `0`), optionally with days or weeks and spaces. */
export function isDuration(text: string): boolean {
  return text === '0' || /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*(?:ns|us|µs|ms|s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)(?:\s*(?:\d+(?:\.\d*)?|\.\d+)\s*(?:ns|us|µs|ms|s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?))*$/.test(text)
}

function isUri(text: string): boolean {
  if (text.startsWith('/')) return true
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text)
  return scheme && !/[\s\p{Cc}]/u.test(text)
}

/** True for a calendar date or an RFC 3339 time. */
export function isDateTime(text: string): boolean {
  return dateTime.test(text) && !Number.isNaN(Date.parse(text.replace(' ', 'T').replace(/:60/, ':59')))
}

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  uri: isUri, email: (text) => /^[^\s@<>]+@[^\s@<>]+$/.test(text), hostname: (text) => hostname.test(text), ipv4: isIPv4, ipv6: isIPv6, cidr: isCidr,
  mac: (text) => /^(?:[0-9a-f]{2}[:-]){5}(?:[0-9a-f]{2}[:-]?[0-9a-f]{2}[:-]?)?[0-9a-f]{2}$/i.test(text) || /^(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4}$/i.test(text),
  uuid: (text) => uuid.test(text), uuid3: (text) => uuid.test(text) && text.replaceAll('-', '')[12] === '3',
  uuid4: (text) => uuid.test(text) && text.replaceAll('-', '')[12] === '4', uuid5: (text) => uuid.test(text) && text.replaceAll('-', '')[12] === '5',
  byte: (text) => base64.test(text), date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  datetime: isDateTime, duration: isDuration, bsonobjectid: (text) => /^[0-9a-f]{24}$/i.test(text), hexcolor: (text) => /^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(text),
  rgbcolor: (text) => /^rgb\(\s*\d{1,3}%?\s*,\s*\d{1,3}%?\s*,\s*\d{1,3}%?\s*\)$/.test(text), isbn10: (text) => /^\d{9}[\dX]$/.test(text.replace(/[- ]/g, '')),
  isbn13: (text) => /^\d{13}$/.test(text.replace(/[- ]/g, '')), isbn: (text) => /^(?:\d{9}[\dX]|\d{13})$/.test(text.replace(/[- ]/g, '')),
  creditcard: (text) => /^\d{13,19}$/.test(text.replace(/[- ]/g, '')), ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  k8sshortname: (text) => dnsLabel.test(text), k8slongname: (text) => text.length <= 253 && text.split('.').every((label) => dnsLabel.test(label)),
}

/** The check of a format; undefined for one that is unknown or not checked. Dashes in the name do not count (`date-time` is `datetime`). */
export function formatCheck(format: string): ((text: string) => boolean) | undefined {
  return formats[format.replaceAll('-', '').toLowerCase()]
}
