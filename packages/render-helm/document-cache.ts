import { cloneJson, type KubeObject } from '@idp/formats'

/** Objects by their text: most documents of a chart are the same in every rendering. Nobody else has them. */
const documents = new Map<string, KubeObject | undefined>()
const mostCharacters = 32 * 1024 * 1024
let characters = 0

/** Objects that were handed out as they are: what is in them now is up to others. */
const handedOut = new WeakSet<KubeObject>()
/** Their like, read once more when somebody else wanted one too. */
const copies = new WeakMap<KubeObject, KubeObject>()

/** The object of a text that was read before, or `read`'s answer, which is kept unless it throws. */
export function documentOf(text: string, read: () => KubeObject | undefined): KubeObject | undefined {
  if (documents.has(text)) return documents.get(text)
  const object = read()
  documents.set(text, object)
  characters += text.length
  // Oldest first.
  for (const old of documents.keys()) {
    if (characters <= mostCharacters) break
    forget(old)
  }
  return object
}

function forget(text: string): void {
  if (documents.delete(text)) characters -= text.length
}

/** The object of a text for the caller alone: the one that was read, which then is kept no longer; from the second time on a copy. */
export function ownDocument(text: string, object: KubeObject, read: () => KubeObject | undefined): KubeObject {
  if (!handedOut.has(object)) {
    handedOut.add(object)
    if (documents.get(text) === object) forget(text)
    return object
  }
  let pristine = copies.get(object)
  if (pristine === undefined) copies.set(object, pristine = read() ?? object)
  return cloneJson(pristine)
}
