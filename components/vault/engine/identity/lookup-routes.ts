import type { Answer, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { entityJson, groupJson } from './identity-json.ts'
import type { Alias, Table } from './identity-store.ts'

/** `identity/lookup`: by id, by name, or by one of the aliases. */
export function lookupRoutes(active: Active): Route[] {
  const { identity } = active
  function canonical(data: Data, aliases: Table<Alias>): string | undefined {
    if (text(data, 'alias_id') !== '') return aliases.get(text(data, 'alias_id'))?.canonical_id
    if (text(data, 'alias_name') === '') return undefined
    if (text(data, 'alias_mount_accessor') === '') throw badRequest('missing alias_mount_accessor')
    return aliases.named(`${text(data, 'alias_mount_accessor')}\n${text(data, 'alias_name')}`)?.canonical_id
  }
  function find<T extends { readonly id: string }>(data: Data, table: Table<T>, aliases: Table<Alias>, json: (record: T) => object): Answer | undefined {
    if (['id', 'name', 'alias_id', 'alias_name'].every((name) => text(data, name) === '')) throw badRequest('query parameters not supplied')
    const found = text(data, 'id') !== '' ? table.get(text(data, 'id')) : text(data, 'name') !== '' ? table.named(text(data, 'name').toLowerCase()) : table.get(canonical(data, aliases) ?? '')
    return found === undefined ? undefined : { data: json(found) }
  }
  return [
    { path: 'lookup/entity', write: ({ data }) => find(data, identity.entities, identity.aliases, (entity) => entityJson(active, entity)) },
    { path: 'lookup/group', write: ({ data }) => find(data, identity.groups, identity.groupAliases, (group) => groupJson(active, group)) },
  ]
}
