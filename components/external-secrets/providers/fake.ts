import { RE2JS } from 're2js'
import { propertyOf } from '../engine/property.ts'
import { bytes, mapOfJson, type SecretMap } from '../engine/secret-map.ts'
import type { Store } from '../kinds/external-secrets.ts'
import { NoSecretError, type Provider } from './provider.ts'

interface FakeEntry { readonly key: string; readonly value: string; readonly version?: string }
const entriesOf = (store: Store): readonly FakeEntry[] => (store.spec.provider['fake'] as { data?: FakeEntry[] }).data ?? []

/** Provider `fake`: values that stand in the store itself, for tests. What is pushed to it is forgotten, as upstream's is with its process. */
export const fakeProvider: Provider = {
  name: 'fake', capabilities: 'ReadWrite',
  fault(store) {
    const at = entriesOf(store).findIndex(({ key }) => key === '')
    return at < 0 ? undefined : `key must not be empty in fake data at index ${at}`
  },
  connect({ store }) {
    const find = (key: string, version: string | undefined): string => {
      const found = entriesOf(store).filter((entry) => entry.key === key && (version === undefined || version === '' || entry.version === version)).at(-1)
      if (found === undefined) throw new NoSecretError()
      return found.value
    }
    return {
      async getSecret({ key, version, property }) {
        const value = find(key, version)
        if (property === undefined || property === '') return bytes(value)
        const part = propertyOf(jsonOf(value), property)
        if (part === undefined) throw new NoSecretError()
        return part
      },
      getSecretMap: async ({ key, version }) => mapOfJson(bytes(find(key, version))),
      async getAllSecrets(search) {
        const pattern = RE2JS.compile(search.name?.regexp ?? '')
        const all: SecretMap = new Map()
        for (const { key, value } of entriesOf(store)) if ((search.path === undefined || key.startsWith(search.path)) && pattern.matcher(key).find()) all.set(key, bytes(value))
        return all
      },
      validate: async () => 'ready',
      push: async () => {},
      exists: async ({ key }) => entriesOf(store).some((entry) => entry.key === key),
      remove: async () => {},
    }
  },
}

function jsonOf(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    // A plain text has no properties.
    return undefined
  }
}
