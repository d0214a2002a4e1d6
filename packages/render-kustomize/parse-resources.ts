import { parseYamlDocuments, type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { markEmpty } from './empty-members.ts'
import { isObject, setIn } from './resource.ts'
import { textOf } from './resource-id.ts'

/**
 * Reads the objects of a file or patch: YAML or JSON, several documents, lists of objects taken apart.
 * @throws CodedError `InvalidYaml` for syntax, `InvalidResource` for a document that is no Kubernetes object.
 */
export function parseResources(text: string, source: string): JsonObject[] {
  const texts = new Map<JsonObject, Record<string, string>>()
  let empty = false
  const documents = parseYamlDocuments(text, {
    source, dialect: 'kustomize', emptyAsUndefined: true,
    onLossyMember: (parent, key, raw) => {
      if (raw === '') empty = true
      const known = texts.get(parent)
      if (known === undefined) texts.set(parent, { [key]: raw })
      else known[key] = raw
    },
  })
  let roots: { value: Json; line: number }[] = documents.filter(({ value }) => !isEmpty(value))
  const only = roots[0]
  if (roots.length === 1 && only !== undefined && isObject(only.value) && Array.isArray(only.value['items']) && /^(?:Resource)?List$/.test(textOf(only.value['kind']))) {
    roots = only.value['items'].map((value) => ({ value, line: only.line })).filter(({ value }) => !isEmpty(value))
  }
  const objects = roots.map(({ value, line }) => keepText(checkObject(value, `${source}:${line}`), texts))
  const all = objects.some((object) => textOf(object['kind']).endsWith('List')) ? expandLists(objects, source, texts) : objects
  if (empty) all.forEach(markEmpty)
  return all
}

function isEmpty(value: Json | undefined): boolean {
  return value === null || value === undefined || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
}

function checkObject(value: Json, where: string): JsonObject {
  if (!isObject(value)) throw failure('InvalidResource', 'a document is not a map', where)
  const kind = textOf(value['kind'])
  if (kind === '') throw failure('InvalidResource', 'missing kind in object', where)
  const metadata = value['metadata']
  if (!kind.endsWith('List') && (!isObject(metadata) || textOf(metadata['name']) === '')) throw failure('InvalidResource', 'missing metadata.name in object', where)
  const hole = nullInList(value, '')
  if (hole !== undefined) throw failure('InvalidResource', `empty item at ${hole} in object`, where)
  return value
}

/** The path of the first null in a list: kustomize refuses such objects. */
function nullInList(value: Json, path: string): string | undefined {
  if (Array.isArray(value)) {
    for (const item of value) {
      if (item === null || item === undefined) return path
      if (typeof item !== 'object') continue
      const found = nullInList(item, path)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isObject(value)) return undefined
  for (const key in value) {
    const member = value[key]
    if (typeof member !== 'object' || member === null) continue
    const found = nullInList(member, path === '' ? key : `${path}/${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** Annotations are text: `1.0` must not become `1`. */
function keepText(object: JsonObject, texts: ReadonlyMap<JsonObject, Record<string, string>>): JsonObject {
  if (texts.size === 0) return object
  const metadata = object['metadata']
  if (!isObject(metadata) || !isObject(metadata['annotations'])) return object
  const typed = metadata['annotations']
  const raw = texts.get(typed)
  if (raw === undefined) return object
  const annotations = { ...typed, ...raw }
  typedAnnotations.set(annotations, typed)
  return setIn(object, 'metadata', setIn(metadata, 'annotations', annotations))
}

/** Annotations as they were before they became text: a JSON patch works on those, and what it leaves has lost the text. */
export const typedAnnotations = new WeakMap<JsonObject, JsonObject>()

/** Elements of a list come after everything else in the file, as kustomize's queue has it. */
function expandLists(objects: JsonObject[], source: string, texts: ReadonlyMap<JsonObject, Record<string, string>>): JsonObject[] {
  const queue = [...objects]
  const result: JsonObject[] = []
  for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
    if (!textOf(object['kind']).endsWith('List') || !Object.hasOwn(object, 'items')) { result.push(object); continue }
    const items = object['items']
    if (items === null || items === undefined) continue
    if (!Array.isArray(items)) throw failure('InvalidResource', `expected array in ${textOf(object['kind'])}/items, but found ${typeof items}`, source)
    queue.push(...items.filter((item) => !isEmpty(item)).map((item) => keepText(checkObject(item, source), texts)))
  }
  return result
}
