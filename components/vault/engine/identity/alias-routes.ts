import type { Answer, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { goTime } from '../duration.ts'
import { has, pairs, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { aliasJson } from './identity-json.ts'
import type { Alias, Table } from './identity-store.ts'

/** `identity/entity-alias` and `identity/group-alias`. */
export function aliasRoutes(active: Active): Route[] {
  const { identity } = active
  return [
    ...routes(active, 'entity-alias', identity.aliases, (id) => {
      if (id !== '' && identity.entities.get(id) === undefined) throw badRequest('invalid canonical ID')
      return id !== '' ? id : identity.entities.save({ id: identity.newId(), name: `entity_${identity.newId().slice(0, 8)}`, metadata: null, policies: [], disabled: false, merged_entity_ids: null, ...identity.stamp() }).id
    }),
    ...routes(active, 'group-alias', identity.groupAliases, (id) => {
      if (id === '') {
        const fresh = identity.newId()
        return identity.groups.save({ id: fresh, name: `group_${fresh.slice(0, 8)}`, type: 'external', metadata: null, policies: [], member_entity_ids: [], member_group_ids: [], modify_index: 1, ...identity.stamp() }).id
      }
      const group = identity.groups.get(id)
      if (group === undefined) throw badRequest('invalid canonical ID')
      if (group.type !== 'external') throw badRequest('alias can be set only on external groups')
      return id
    }),
  ]
}

function routes(active: Active, path: string, table: Table<Alias>, owner: (canonicalId: string) => string): Route[] {
  const { clock, identity, mounts } = active
  function save(known: Alias | undefined, data: Data): Answer {
    const name = text(data, 'name', known?.name)
    const accessor = text(data, 'mount_accessor', known?.mount_accessor)
    if (name === '') throw badRequest('missing alias name')
    if (accessor === '') throw badRequest('missing mount_accessor')
    if (mounts.byAccessor(accessor)?.table !== 'auth') throw badRequest(`invalid mount accessor ${JSON.stringify(accessor)}`)
    const asked = text(data, 'canonical_id', text(data, 'entity_id'))
    const existing = known ?? table.named(`${accessor}\n${name}`)
    const canonical = asked === '' && existing !== undefined ? existing.canonical_id : owner(asked)
    const fresh = { custom_metadata: null, metadata: null, ...identity.stamp() }
    const saved = table.save({
      ...fresh, ...existing, id: existing?.id ?? identity.newId(), canonical_id: canonical, mount_accessor: accessor, name, last_update_time: goTime(clock.now()),
      ...(has(data, 'metadata') ? { metadata: pairs(data, 'metadata') } : {}), ...(has(data, 'custom_metadata') ? { custom_metadata: pairs(data, 'custom_metadata') } : {}),
    })
    return { data: { id: saved.id, canonical_id: canonical } }
  }
  const list = (): Answer => ({ data: { keys: table.all().map(({ id }) => id), key_info: Object.fromEntries(table.all().map((alias) => [alias.id, aliasJson(active, alias)])) } })
  return [
    {
      path,
      write: ({ data }) => {
        const id = text(data, 'id')
        if (id !== '' && table.get(id) === undefined) throw badRequest('invalid alias ID')
        return save(id === '' ? undefined : table.get(id), data)
      },
    },
    { path: `${path}/id`, list, read: list },
    {
      path: `${path}/id/:id`,
      read: ({ params }) => {
        const alias = table.get(params['id'] ?? '')
        return alias === undefined ? undefined : { data: aliasJson(active, alias) }
      },
      write: ({ params, data }) => {
        const known = table.get(params['id'] ?? '')
        if (known === undefined) throw badRequest('invalid alias ID')
        return save(known, data)
      },
      delete: ({ params }) => void table.remove(params['id'] ?? ''),
    },
  ]
}
