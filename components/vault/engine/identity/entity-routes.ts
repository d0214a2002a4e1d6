import type { Answer, BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { goTime } from '../duration.ts'
import { flag, has, list, pairs, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { entityJson } from './identity-json.ts'
import type { Entity } from './identity-store.ts'

/** `identity/entity`. */
export function entityRoutes(active: Active): Route[] {
  const { identity, clock } = active
  const { entities } = identity
  const named = ({ params }: BackendRequest): Entity | undefined => entities.named((params['name'] ?? '').toLowerCase())
  const shown = (entity: Entity | undefined): Answer | undefined => (entity === undefined ? undefined : { data: entityJson(active, entity) })
  function save(known: Entity | undefined, data: Data): Answer | undefined {
    const id = known?.id ?? identity.newId()
    const name = text(data, 'name', known?.name ?? `entity_${id.slice(0, 8)}`)
    const owner = entities.named(name.toLowerCase())
    if (owner !== undefined && owner.id !== id) throw badRequest('entity name is already in use')
    const metadata = has(data, 'metadata') ? pairs(data, 'metadata') : known?.metadata ?? null
    const policies = list(data, 'policies', known?.policies)
    if (policies.includes('root')) throw badRequest('policies cannot contain root')
    const fresh = { merged_entity_ids: null, ...identity.stamp() }
    entities.save({ ...fresh, ...known, id, name, metadata, policies, disabled: flag(data, 'disabled', known?.disabled), last_update_time: goTime(clock.now()) })
    return known === undefined ? { data: { id, name, aliases: null } } : undefined
  }
  function remove(entity: Entity | undefined): undefined {
    if (entity === undefined) return
    for (const alias of identity.aliasesOf(entity.id)) identity.aliases.remove(alias.id)
    for (const group of identity.groups.all()) if (group.member_entity_ids.includes(entity.id)) identity.groups.save({ ...group, member_entity_ids: group.member_entity_ids.filter((id) => id !== entity.id) })
    entities.remove(entity.id)
  }
  const names = (): Answer => ({ data: { keys: entities.all().map(({ name }) => name).sort() } })
  const ids = (): Answer => ({ data: { keys: entities.all().map(({ id }) => id), key_info: Object.fromEntries(entities.all().map((entity) => [entity.id, { name: entity.name, aliases: identity.aliasesOf(entity.id).map(({ id, name, mount_accessor }) => ({ id, name, mount_accessor })) }])) } })
  return [
    {
      path: 'entity',
      write: ({ data }) => {
        const id = text(data, 'id')
        const known = id === '' ? entities.named(text(data, 'name').toLowerCase()) : entities.get(id)
        if (id !== '' && known === undefined) throw badRequest('failed to find entity from id')
        const answer = save(known, data)
        return answer ?? (known === undefined || id !== '' ? undefined : { data: { id: known.id, name: known.name, aliases: identity.aliasesOf(known.id).map((alias) => alias.id) } })
      },
    },
    { path: 'entity/id', list: ids, read: ids },
    {
      path: 'entity/id/:id',
      read: ({ params }) => shown(entities.get(params['id'] ?? '')),
      write: ({ params, data }) => {
        const known = entities.get(params['id'] ?? '')
        if (known === undefined) throw badRequest('failed to find entity from id')
        return save(known, data) ?? { data: { id: known.id, name: text(data, 'name', known.name), aliases: null } }
      },
      delete: ({ params }) => remove(entities.get(params['id'] ?? '')),
    },
    { path: 'entity/name', list: names, read: names },
    {
      path: 'entity/name/:name',
      read: (request) => shown(named(request)),
      write: (request) => save(named(request), { ...request.data, name: request.params['name'] }),
      delete: (request) => remove(named(request)),
    },
    {
      path: 'entity/batch-delete',
      write: ({ data }) => {
        const wanted = list(data, 'entity_ids')
        if (wanted.length === 0) throw badRequest('missing entity ids to delete')
        for (const id of wanted) remove(entities.get(id))
        return undefined
      },
    },
    {
      path: 'entity/merge',
      write: ({ data }) => {
        const to = entities.get(text(data, 'to_entity_id'))
        const from = list(data, 'from_entity_ids')
        if (to === undefined) throw badRequest('entity id to merge to is invalid')
        for (const id of from) {
          const other = entities.get(id)
          if (id === to.id) throw badRequest('to_entity_id should not be present in from_entity_ids')
          if (other === undefined) throw badRequest('entity id to merge from is invalid')
          for (const alias of identity.aliasesOf(id)) identity.aliases.save({ ...alias, canonical_id: to.id })
          for (const group of identity.groups.all()) if (group.member_entity_ids.includes(id)) identity.groups.save({ ...group, member_entity_ids: [...new Set(group.member_entity_ids.map((member) => (member === id ? to.id : member)))] })
          entities.remove(id)
        }
        entities.save({ ...to, merged_entity_ids: [...(to.merged_entity_ids ?? []), ...from], last_update_time: goTime(clock.now()) })
        return undefined
      },
    },
  ]
}
