export type { ApplyOptions, At, Client, DeleteOptions, ListQuery, ObjectList, PatchType, WatchEvent, WatchQuery, WriteOptions } from './client.ts'
