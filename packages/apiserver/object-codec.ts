import type { AnyObject } from '@idp/formats'
import type { Entry } from '@idp/store'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Turns the bytes of some keys into others on their way to the disk, e.g. to encrypt Secrets. Identity for all other keys. */
export interface AtRest {
  seal(key: string, plain: Uint8Array): Uint8Array
  open(key: string, sealed: Uint8Array): Uint8Array
}

export const plainAtRest: AtRest = { seal: (_key, plain) => plain, open: (_key, sealed) => sealed }

/**
 * Objects as bytes. An object is stored without its resourceVersion, which is the revision of the commit that holds it and
 * unknown before; readers get it spliced in. Objects and bytes are kept per revision of a key, so that every get, list and
 * watch of one revision shares one decoding and one encoding.
 */
export interface ObjectCodec {
  /** Bytes to store; apiVersion, kind and metadata come first, in this order. The object becomes what an entry of these bytes holds, so that nobody has to decode them: the caller must not change it any more. */
  encode(key: string, object: AnyObject): Uint8Array
  /** The object with its resourceVersion. Shared: never change it. */
  object(entry: Entry): AnyObject
  /** The same as JSON bytes. */
  bytes(entry: Entry): Uint8Array
  /** The object as it was when it was deleted at `revision`. */
  deleted(entry: Entry, revision: number): { readonly object: AnyObject; readonly bytes: Uint8Array }
}

export function objectCodec(atRest: AtRest = plainAtRest): ObjectCodec {
  const objects = new WeakMap<Entry, AnyObject>()
  const encoded = new WeakMap<Entry, Uint8Array>()
  const gone = new WeakMap<Entry, { revision: number; object: AnyObject; bytes: Uint8Array }>()

  /** What this process encoded and nobody has asked for yet, by the bytes. */
  const sources = new WeakMap<Uint8Array, AnyObject>()
  const written = ({ value, revision }: Entry): AnyObject | undefined => {
    const source = sources.get(value)
    if (source === undefined) return undefined
    sources.delete(value)
    if (!isJson(source)) return undefined
    const { apiVersion, kind, metadata, ...rest } = source
    return { apiVersion, kind, metadata: { ...metadata, resourceVersion: String(revision) }, ...rest } as AnyObject
  }
  const decode = (entry: Entry, revision: number) => {
    const object = JSON.parse(decoder.decode(atRest.open(entry.key, entry.value))) as AnyObject
    object.metadata.resourceVersion = String(revision)
    return object
  }
  return {
    encode(key, object) {
      const value = atRest.seal(key, encoder.encode(storedJson(object)))
      sources.set(value, object)
      return value
    },
    object(entry) {
      let object = objects.get(entry)
      if (object === undefined) objects.set(entry, (object = written(entry) ?? decode(entry, entry.revision)))
      return object
    },
    bytes(entry) {
      let bytes = encoded.get(entry)
      if (bytes === undefined) encoded.set(entry, (bytes = withRevision(atRest.open(entry.key, entry.value), entry.revision)))
      return bytes
    },
    deleted(entry, revision) {
      let last = gone.get(entry)
      if (last === undefined) gone.set(entry, (last = { revision, object: decode(entry, revision), bytes: withRevision(atRest.open(entry.key, entry.value), revision) }))
      return last
    },
  }
}

function storedJson(object: AnyObject): string {
  const { apiVersion, kind, metadata, ...rest } = object
  const { resourceVersion: _revision, ...stored } = metadata
  return JSON.stringify({ apiVersion, kind, metadata: stored, ...rest })
}

/** Whether a value is read back from JSON as it is: nothing in it is undefined, or a number that JSON has not. */
function isJson(value: object): boolean {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isJsonField(value[i])) return false
    return true
  }
  for (const key in value) if (!isJsonField((value as Record<string, unknown>)[key])) return false
  return true
}

function isJsonField(value: unknown): boolean {
  switch (typeof value) {
    case 'object': return value === null || isJson(value)
    case 'number': return Number.isFinite(value)
    default: return value !== undefined
  }
}

const metadataStart = encoder.encode('"metadata":{')

/** Puts the resourceVersion first into metadata, which is never empty: it has at least a name. */
function withRevision(stored: Uint8Array, revision: number): Uint8Array {
  const source = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
  const at = source.indexOf(metadataStart) + metadataStart.length
  const insert = Buffer.from(`"resourceVersion":"${revision}",`)
  const out = new Uint8Array(stored.length + insert.length)
  out.set(stored.subarray(0, at))
  out.set(insert, at)
  out.set(stored.subarray(at), at + insert.length)
  return out
}
