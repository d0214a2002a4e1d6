import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { bytesType, CelDouble, CelFault, celToJson, dynType, doubleType, global, intType, isMap, jsonToCel, listType, makeDouble, mapGet, member, mapType, objectType, opaqueType, stringType, type CelFunction, type CelLibrary, type CelValue } from '@idp/lang-cel'
import { parseYaml, type Json } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'
import { messageOf } from '@idp/kit'
import { RunContext } from '../run-context.ts'

/** What fails inside becomes a CEL error with its message. */
function attempt(work: () => CelValue): CelValue {
  try {
    return work()
  } catch (error) {
    throw error instanceof CelFault ? error : new CelFault(messageOf(error))
  }
}

export const jsonType = opaqueType('json.Json')
export const yamlType = opaqueType('yaml.Yaml')

/** `json.unmarshal`, `json.marshal`, `yaml.parse`. */
export const jsonLibrary: CelLibrary = {
  name: 'kyverno.json',
  functions: [
    { name: 'unmarshal', overloads: [member([jsonType, dynType], dynType, (_json, text) => attempt(() => jsonToCel(JSON.parse(String(text)) as Json)))] },
    { name: 'marshal', overloads: [member([jsonType, dynType], stringType, (_json, value) => JSON.stringify(celToJson(value ?? null)))] },
    { name: 'parse', overloads: [member([yamlType, stringType], dynType, (_yaml, text) => attempt(() => jsonToCel(parseYaml(String(text)))))] },
  ],
}

const hash = (algorithm: string): CelFunction[] => [algorithm, `hash.${algorithm}`].map((name) => ({ name, overloads: [global([stringType], stringType, (text) => createHash(algorithm).update(String(text)).digest('hex'))] }))
/** `sha1`, `sha256`, `md5`, also as `hash.…`. */
export const hashLibrary: CelLibrary = { name: 'kyverno.hash', functions: [...hash('sha1'), ...hash('sha256'), ...hash('md5')] }

const maxDecompressed = 10 * 2 ** 20
/** `gzip.compress`, `gzip.decompress` (up to 10 MiB). */
export const gzipLibrary: CelLibrary = {
  name: 'kyverno.gzip',
  functions: [
    { name: 'gzip.decompress', overloads: [global([bytesType], stringType, (bytes) => attempt(() => gunzipSync(bytes as Uint8Array, { maxOutputLength: maxDecompressed }).toString('utf8')))] },
    { name: 'gzip.compress', overloads: [global([dynType], bytesType, (text) => new Uint8Array(gzipSync(String(text))))] },
  ],
}

const numberOf = (value: CelValue | undefined): number => (value instanceof CelDouble ? value.value : Number(value))
/** `math.round(value, digits)`. */
export const roundLibrary: CelLibrary = {
  name: 'kyverno.math',
  functions: [{ name: 'math.round', overloads: [global([doubleType, intType], doubleType, (value, digits) => {
    const [given, shift] = [numberOf(value), 10 ** Number(digits)]
    // Half away from zero, as Go rounds.
    return makeDouble(Math.sign(given) * Math.round(Math.abs(given) * shift) / shift)
  })] }],
}

const serviceAccountType = objectType('user.ServiceAccount', (field) => ({ Name: { type: stringType }, Namespace: { type: stringType } })[field])
const serviceAccount = (user: CelValue | undefined): CelValue => {
  const [, namespace = '', name = ''] = /^system:serviceaccount:([^:]*):(.*)$/.exec(String(user)) ?? []
  return { Name: name, Namespace: namespace }
}
/** `parseServiceAccount(username)`: `.Name` and `.Namespace`, empty for other users. */
export const userLibrary: CelLibrary = {
  name: 'kyverno.user', types: [serviceAccountType],
  functions: ['parseServiceAccount', 'user.parseServiceAccount'].map((name) => ({ name, overloads: [global([stringType], serviceAccountType, serviceAccount)] })),
}

function listToMap(keys: CelValue, values: CelValue, keyName: string, valueName: string): CelValue {
  const [a, b] = [keys as readonly CelValue[], values as readonly CelValue[]]
  if (a.length !== b.length) throw new CelFault(`listObjToMap must take lists of equal length. list1: ${a.length}, list2: ${b.length}`)
  return Object.fromEntries(a.map((one, index) => {
    const [from, to] = [one, b[index] ?? null]
    const key = isMap(from) ? mapGet(from, keyName) : undefined
    if (typeof key !== 'string') throw new CelFault('the passed key name cannot be handled as a string in the key object list')
    return [key, (isMap(to) ? mapGet(to, valueName) : undefined) ?? null]
  }))
}
/** `listObjToMap(keys, values, keyField, valueField)`. */
export const transformLibrary: CelLibrary = {
  name: 'kyverno.transform',
  functions: ['listObjToMap', 'transform.listObjToMap'].map((name) => ({
    name, overloads: [global([listType(dynType), listType(dynType), stringType, stringType], mapType(stringType, dynType), (keys, values, key, value) => listToMap(keys ?? [], values ?? [], String(key), String(value)))],
  })),
}

/** `x509.decode(pem)` of RSA certificates and requests, with the fields of `x509_decode` in JMESPath. */
export const x509Library: CelLibrary = {
  name: 'kyverno.x509', functions: [{ name: 'x509.decode', overloads: [global([stringType], dynType, (pem) => attempt(() => jsonToCel(jmesPath('x509_decode(@)').evaluate(String(pem)))))] }],
}

/** `random(pattern)` and `random()`, eight letters and digits. */
export const randomLibrary: CelLibrary = {
  name: 'kyverno.random',
  functions: ['random', 'random.random'].map((name) => ({
    name, overloads: [
      global([stringType], stringType, (pattern) => attempt(() => jsonToCel(jmesPath('random(@)').evaluate(String(pattern))))),
      global([], stringType, () => jsonToCel(jmesPath('random(@)').evaluate('[0-9a-z]{8}'))),
    ],
  })),
}

/** Values of the context variables `json` and `yaml`. */
export const textContexts = (run: RunContext['run']): Readonly<Record<string, CelValue>> => ({ json: new RunContext(jsonType, run), yaml: new RunContext(yamlType, run) })
