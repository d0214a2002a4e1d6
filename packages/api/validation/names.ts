/**
 * Forms of names. Each check returns what is wrong, in the words of Kubernetes' own messages (clients and tests match on them).
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */
const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const qualified = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const configKey = '[-._a-zA-Z0-9]+'

const whole = (pattern: string) => new RegExp(`^${pattern}$`)
const tests = { label: whole(label), subdomain: whole(subdomain), label1035: whole(label1035), qualified: whole(qualified), labelValue: whole(`(${qualified})?`), configKey: whole(configKey) }

const maxBytes = (max: number) => `must be no more than ${max} bytes`

function regexMessage(text: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`
  return `${text} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`
}

/** `abc-1`: at most 63 bytes; names of namespaces, containers, volumes. */
export function dns1123Label(name: string): string[] {
  const wrong: string[] = []
  if (name.length > 63) wrong.push(maxBytes(63))
  if (!tests.label.test(name)) {
    wrong.push(tests.subdomain.test(name) ? 'must not contain dots'
      : regexMessage("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character", label, 'my-name', '123-abc'))
  }
  return wrong
}

/** `a.b-c`: at most 253 bytes; names of most objects. */
export function dns1123Subdomain(name: string): string[] {
  const wrong: string[] = []
  if (name.length > 253) wrong.push(maxBytes(253))
  if (!tests.subdomain.test(name)) wrong.push(regexMessage("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character", subdomain, 'example.com'))
  return wrong
}

/** Like a label, beginning with a letter; names of Services. */
export function dns1035Label(name: string): string[] {
  const wrong: string[] = []
  if (name.length > 63) wrong.push(maxBytes(63))
  if (!tests.label1035.test(name)) wrong.push(regexMessage("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character", label1035, 'my-name', 'abc-123'))
  return wrong
}

/** Any name that can be one segment of a URL; names of RBAC objects. */
export function pathSegment(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`)
}

/** Names that were found right: a cluster has few keys and many objects that carry them. */
const right = new Set<string>()
const mostRight = 4096

/** `example.com/Name`: label and annotation keys, finalizers, resource names. */
export function qualifiedName(name: string): string[] {
  if (right.has(name)) return []
  const wrong = wrongInQualifiedName(name)
  if (wrong.length === 0) {
    if (right.size >= mostRight) right.clear()
    right.add(name)
  }
  return wrong
}

function wrongInQualifiedName(name: string): string[] {
  const wrong: string[] = []
  const parts = name.split('/')
  const [first = '', second] = parts
  if (parts.length > 2) {
    return [`a qualified name ${regexMessage("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", qualified, 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  if (second !== undefined) {
    if (first === '') wrong.push('prefix part must be non-empty')
    else wrong.push(...dns1123Subdomain(first).map((text) => `prefix part ${text}`))
  }
  const own = second ?? first
  if (own === '') wrong.push('name part must be non-empty')
  else if (own.length > 63) wrong.push(`name part ${maxBytes(63)}`)
  if (!tests.qualified.test(own)) wrong.push(`name part ${regexMessage("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", qualified, 'MyName', 'my.name', '123-abc')}`)
  return wrong
}

export function labelValue(value: string): string[] {
  const wrong: string[] = []
  if (value.length > 63) wrong.push(maxBytes(63))
  if (!tests.labelValue.test(value)) wrong.push(regexMessage("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", `(${qualified})?`, 'MyValue', 'my_value', '12345'))
  return wrong
}

/** Keys of ConfigMaps and Secrets. */
export function configMapKey(key: string): string[] {
  const wrong: string[] = []
  if (key.length > 253) wrong.push(maxBytes(253))
  if (!tests.configKey.test(key)) wrong.push(regexMessage("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", configKey, 'key.name', 'KEY_NAME', 'key-name'))
  else if (key === '.' || key === '..') wrong.push(`must not be '${key}'`)
  else if (key.startsWith('..')) wrong.push("must not start with '..'")
  return wrong
}

/** Names of ports. */
export function portName(name: string): string[] {
  const wrong: string[] = []
  if (name.length > 15) wrong.push('must be no more than 15 bytes')
  if (!/^[-a-z0-9]+$/.test(name)) wrong.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(name)) wrong.push('must contain at least one letter (a-z)')
  if (name.includes('--')) wrong.push('must not contain consecutive hyphens')
  if (name.startsWith('-') || name.endsWith('-')) wrong.push('must not begin or end with a hyphen')
  return wrong
}
