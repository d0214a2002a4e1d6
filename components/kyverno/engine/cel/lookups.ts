import { CelFault, type CelValue } from '@idp/lang-cel'
import { CodedError, messageOf } from '@idp/kit'

/** Answers that an evaluation may ask for. */
export interface Lookups {
  /** The answer under a key; when it is not there yet, the evaluation stops, the answer is fetched, and the evaluation starts again. A fetch that fails is a CEL error. */
  ask(key: string, fetch: () => Promise<CelValue>): CelValue
}

/** Leaves an evaluation that needs something first. Deliberately no Error: nothing in an expression may catch it. */
class Pending {
  readonly key: string
  readonly fetch: () => Promise<CelValue>
  constructor(key: string, fetch: () => Promise<CelValue>) {
    this.key = key
    this.fetch = fetch
  }
}

const maxLookups = 200

/** CEL runs synchronously, its data sources do not: runs `evaluate` until it has every answer it asks for. `evaluate` must be pure but for the lookups. Throws CodedError `TooManyLookups`. */
export async function withLookups<T>(evaluate: (lookups: Lookups) => T): Promise<T> {
  const answers = new Map<string, { readonly value: CelValue } | { readonly fault: string }>()
  const lookups: Lookups = {
    ask(key, fetch) {
      const known = answers.get(key)
      if (known === undefined) throw new Pending(key, fetch)
      if ('fault' in known) throw new CelFault(known.fault)
      return known.value
    },
  }
  for (let round = 0; round < maxLookups; round++) {
    try {
      return evaluate(lookups)
    } catch (thrown) {
      if (!(thrown instanceof Pending)) throw thrown
      answers.set(thrown.key, await thrown.fetch().then((value) => ({ value }), (error: unknown) => ({ fault: messageOf(error) })))
    }
  }
  throw new CodedError({ code: 'TooManyLookups', message: `a policy asks for more than ${maxLookups} resources or services while it looks at one resource`, remedy: 'List what it needs once' })
}
