export { prefixRange, type Change, type Entry, type ListOptions, type Range, type Revision, type Store, type Write } from './store.ts'
export { memoryStore } from './memory-store.ts'
export { openStore, type StoreOptions } from './durable-store.ts'
