import { listType, opaqueType, optionalType, stringType } from '../check/cel-type.ts'
import { costSize } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { CelOpaque, CelOptional, type CelValue, optionalNone } from '../value/value.ts'
import { parseTimestamp } from '../value/time.ts'
import { parseRequestUri } from './url.ts'

export const formatType = opaqueType('kubernetes.NamedFormat')

type Check = (text: string) => string[]

class Format extends CelOpaque {
  override readonly celType = formatType
  readonly name: string
  readonly check: Check
  /** What the cost of a check is reckoned with, in characters of a pattern. */
  readonly patternSize: number
  constructor(name: string, patternSize: number, check: Check) {
    super()
    this.name = name
    this.check = check
    this.patternSize = patternSize
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof Format && other.name === this.name
  }
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const key = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'

function explain(message: string, pattern: string, ...examples: string[]): string {
  return `${message} (e.g. ${examples.map((example, i) => `${i > 0 ? ' or ' : ''}'${example}', `).join('')}regex used for validation is '${pattern}')`
}

function byPattern(longest: number, message: string, pattern: string, ...examples: string[]): Check {
  const matches = new RegExp(`^(?:${pattern})$`)
  return (text) => [...text.length > longest ? [`must be no more than ${longest} characters`] : [], ...matches.test(text) ? [] : [explain(message, pattern, ...examples)]]
}

const isLabel = byPattern(63, "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character", label, 'my-name', '123-abc')
const isSubdomain = byPattern(253, "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character", subdomain, 'example.com')
const is1035Label = byPattern(63, "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character", label1035, 'my-name', 'abc-123')
const isLabelValue = byPattern(63, "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", `(${key})?`, 'MyValue', 'my_value', '12345')

const keyMessage = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const isKeyName = byPattern(63, keyMessage, key, 'MyName', 'my.name', '123-abc')

function isQualifiedName(text: string): string[] {
  const [first = '', second, third] = text.split('/')
  if (third !== undefined) return [`a valid label key ${explain(keyMessage, key, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const prefix = second === undefined ? [] : first === '' ? ['must be non-empty'] : isSubdomain(first)
  const name = second ?? first
  return [...prefix.map((message) => `prefix part ${message}`), ...[...name === '' ? ['must be non-empty'] : [], ...isKeyName(name)].map((message) => `name part ${message}`)]
}

/** A prefix of a generated name may end with a dash. */
const asPrefix = (check: Check): Check => (text) => check(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text)

const simple = (message: string, test: (text: string) => boolean): Check => (text) => test(text) ? [] : [message]

const isUri: Check = (text) => {
  const parsed = parseRequestUri(text)
  return typeof parsed === 'string' ? [parsed] : []
}

const isBase64 = (text: string) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
const isDate = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const dateTimePattern = 72

const formats: Readonly<Record<string, Format>> = {
  dns1123Label: new Format('DNS1123Label', 30, isLabel),
  dns1123Subdomain: new Format('DNS1123Subdomain', 60, isSubdomain),
  dns1035Label: new Format('DNS1035Label', 30, is1035Label),
  qualifiedName: new Format('QualifiedName', 60, isQualifiedName),
  dns1123LabelPrefix: new Format('DNS1123LabelPrefix', 30, asPrefix(isLabel)),
  dns1123SubdomainPrefix: new Format('DNS1123SubdomainPrefix', 60, asPrefix(isSubdomain)),
  dns1035LabelPrefix: new Format('DNS1035LabelPrefix', 30, asPrefix(is1035Label)),
  labelValue: new Format('LabelValue', 40, isLabelValue),
  uri: new Format('URI', 1103, isUri),
  uuid: new Format('uuid', 72, simple('does not match the UUID format', (text) => uuid.test(text))),
  byte: new Format('byte', 84, simple('invalid base64', isBase64)),
  date: new Format('date', dateTimePattern, simple('invalid date', isDate)),
  datetime: new Format('datetime', dateTimePattern, simple('invalid datetime', (text) => parseTimestamp(text) !== undefined)),
}

function validate(format: CelValue, text: CelValue): CelValue {
  const messages = (format as Format).check(text as string)
  return messages.length === 0 ? optionalNone : new CelOptional(messages)
}

const validateCost = ([format = null, text = '']: readonly CelValue[]) => Math.ceil((1 + costSize(text)) * 0.1) * Math.ceil((format as Format).patternSize * 0.25)

const functions: CelFunction[] = [
  {
    name: 'format.named',
    overloads: [global([stringType], optionalType(formatType), (name) => Object.hasOwn(formats, name as string) ? new CelOptional(formats[name as string]) : optionalNone)],
  },
  { name: 'validate', overloads: [member([formatType, stringType], optionalType(listType(stringType)), validate, validateCost)] },
  ...Object.entries(formats).map(([name, format]): CelFunction => ({ name: `format.${name}`, overloads: [global([], formatType, () => format)] })),
]

/** `format.dns1123Label().validate(text)`, `format.named(name)` (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library). */
export const formatLibrary: CelLibrary = { name: 'kubernetes.format', functions, types: [formatType] }
