export type { ApplyOptions, At, Client, DeleteOptions, ListQuery, ObjectList, PatchType, WatchEvent, WatchQuery, WriteOptions } from './client.ts'
export { createClient, type ClientOptions } from './create-client.ts'
export { handlerTransport, type Transport } from './handler-transport.ts'
