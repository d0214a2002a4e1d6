import type { Clock } from '@idp/kit'

/** Rows by id, as one of the views shows them. */
export type Rows = ReadonlyMap<string, unknown>

/** What a browser is told: rows of a collection that are new or different, and ids that are gone. */
export interface Patch { readonly c: string; readonly set?: Readonly<Record<string, unknown>>; readonly gone?: readonly string[] }

/** How a collection is computed, and after changes of which kinds of objects. */
export interface Collection {
  readonly name: string
  readonly kinds: ReadonlySet<string> | 'any'
  readonly compute: () => Rows
  /** Changes without being marked dirty, because browsers are told another way: computed anew for each that joins. */
  readonly unmarked?: boolean
}

export interface Hub {
  /** Something changed: collections that depend on the kind are computed again, soon and together. */
  dirty(kind: string): void
  /** Tells everybody at once; not kept. */
  tell(patch: object): void
  /** A browser: gets every collection whole, then patches. */
  join(listener: (message: string) => void): Disposable
  readonly watched: boolean
}

/** The first change is told after this long, so that what belongs together goes together. */
const gather = 25
/** Two rounds are at least this far apart: a storm of changes costs a bounded share of the processor. */
const pace = 120

/** Computes each view once for all browsers and sends only what differs. */
export function createHub(collections: readonly Collection[], clock: Clock): Hub {
  const listeners = new Set<(message: string) => void>()
  const last = new Map<string, Map<string, string>>()
  const waiting = new Set<Collection>()
  let timer: Disposable | undefined
  let ran = 0

  const send = (message: object): void => {
    const text = JSON.stringify(message)
    for (const listener of listeners) listener(text)
  }
  const refresh = (collection: Collection): Patch | undefined => {
    const known = last.get(collection.name) ?? new Map<string, string>()
    const rows = collection.compute()
    const set: Record<string, unknown> = {}
    const next = new Map<string, string>()
    for (const [id, row] of rows) {
      const text = JSON.stringify(row)
      next.set(id, text)
      if (known.get(id) !== text) set[id] = row
    }
    const gone = [...known.keys()].filter((id) => !next.has(id))
    last.set(collection.name, next)
    return Object.keys(set).length === 0 && gone.length === 0 ? undefined : { c: collection.name, set, gone }
  }
  const run = (): void => {
    timer = undefined
    ran = clock.now()
    const due = [...waiting]
    waiting.clear()
    if (listeners.size === 0) {
      for (const { name } of due) last.delete(name)
      return
    }
    for (const collection of due) {
      const patch = refresh(collection)
      if (patch !== undefined) send(patch)
    }
  }
  return {
    dirty(kind) {
      for (const collection of collections) if (collection.kinds === 'any' || collection.kinds.has(kind)) waiting.add(collection)
      if (waiting.size > 0) timer ??= clock.timer(Math.max(gather, ran + pace - clock.now()), run)
    },
    tell: send,
    join(listener) {
      for (const collection of collections) {
        if (collection.unmarked === true || !last.has(collection.name)) {
          const patch = refresh(collection)
          if (patch !== undefined) send(patch)
        }
        const rows = last.get(collection.name) ?? new Map<string, string>()
        // Rows are kept as text: put together without parsing them again.
        listener(`{"c":${JSON.stringify(collection.name)},"all":{${[...rows].map(([id, text]) => `${JSON.stringify(id)}:${text}`).join(',')}}}`)
      }
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    get watched() { return listeners.size > 0 },
  }
}
