import type { KubeObject } from '@idp/formats'

/** Objects by their text: most documents of a chart are the same in every rendering. They are never handed out, only copied. */
const documents = new Map<string, KubeObject | undefined>()
const mostCharacters = 32 * 1024 * 1024
let characters = 0

/** The object of a text that was read before, or `read`'s answer, which is kept unless it throws. */
export function documentOf(text: string, read: () => KubeObject | undefined): KubeObject | undefined {
  if (documents.has(text)) return documents.get(text)
  const object = read()
  documents.set(text, object)
  characters += text.length
  // Oldest first.
  for (const old of documents.keys()) {
    if (characters <= mostCharacters) break
    documents.delete(old)
    characters -= old.length
  }
  return object
}
