import type { Answer, BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { goTime } from '../duration.ts'
import { has, list, pairs, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { groupJson } from './identity-json.ts'
import type { Group } from './identity-store.ts'

/** `identity/group`. */
export function groupRoutes(active: Active): Route[] {
  const { identity, clock } = active
  const { groups } = identity
  const named = ({ params }: BackendRequest): Group | undefined => groups.named((params['name'] ?? '').toLowerCase())
  const shown = (group: Group | undefined): Answer | undefined => (group === undefined ? undefined : { data: groupJson(active, group) })
  /** Whether a group contains another, at any depth: such a membership would be a circle. */
  function contains(group: string, wanted: string, seen = new Set<string>()): boolean {
    if (group === wanted) return true
    if (seen.has(group)) return false
    seen.add(group)
    return groups.get(group)?.member_group_ids.some((member) => contains(member, wanted, seen)) === true
  }
  function save(known: Group | undefined, data: Data): Answer | undefined {
    const id = known?.id ?? identity.newId()
    const name = text(data, 'name', known?.name ?? `group_${id.slice(0, 8)}`)
    const owner = groups.named(name.toLowerCase())
    if (owner !== undefined && owner.id !== id) throw badRequest('group name is already in use')
    const type = text(data, 'type', known?.type ?? 'internal')
    if (type !== 'internal' && type !== 'external') throw badRequest(`invalid group type ${JSON.stringify(type)}`)
    if (known !== undefined && known.type !== type) throw badRequest('group type cannot be changed')
    const [entities, members] = [list(data, 'member_entity_ids', known?.member_entity_ids), list(data, 'member_group_ids', known?.member_group_ids)]
    if (type === 'external' && has(data, 'member_entity_ids')) throw badRequest("member entities can't be set manually for external groups")
    for (const entity of entities) if (identity.entities.get(entity) === undefined) throw badRequest(`invalid entity ID ${JSON.stringify(entity)}`)
    for (const member of members) {
      if (groups.get(member) === undefined) throw badRequest(`invalid group ID ${JSON.stringify(member)}`)
      if (contains(member, id)) throw badRequest(`cyclic relationship detected for member group ID ${JSON.stringify(member)}`)
    }
    const policies = list(data, 'policies', known?.policies)
    if (policies.includes('root')) throw badRequest('policies cannot contain root')
    groups.save({
      ...identity.stamp(), ...known, id, name, type, metadata: has(data, 'metadata') ? pairs(data, 'metadata') : known?.metadata ?? null, policies, member_entity_ids: entities, member_group_ids: members,
      modify_index: (known?.modify_index ?? 0) + 1, last_update_time: goTime(clock.now()),
    })
    return { data: { id, name } }
  }
  function remove(group: Group | undefined): undefined {
    if (group === undefined) return
    const alias = identity.groupAliasOf(group.id)
    if (alias !== undefined) identity.groupAliases.remove(alias.id)
    for (const other of groups.all()) if (other.member_group_ids.includes(group.id)) groups.save({ ...other, member_group_ids: other.member_group_ids.filter((id) => id !== group.id) })
    groups.remove(group.id)
  }
  const ids = (): Answer => ({ data: { keys: groups.all().map(({ id }) => id), key_info: Object.fromEntries(groups.all().map((group) => [group.id, { name: group.name, num_member_entities: group.member_entity_ids.length, num_parent_groups: 0 }])) } })
  const names = (): Answer => ({ data: { keys: groups.all().map(({ name }) => name).sort() } })
  return [
    {
      path: 'group',
      write: ({ data }) => {
        const id = text(data, 'id')
        const known = id === '' ? groups.named(text(data, 'name').toLowerCase()) : groups.get(id)
        if (id !== '' && known === undefined) throw badRequest('invalid group ID')
        return save(known, data)
      },
    },
    { path: 'group/id', list: ids, read: ids },
    {
      path: 'group/id/:id',
      read: ({ params }) => shown(groups.get(params['id'] ?? '')),
      write: ({ params, data }) => {
        const known = groups.get(params['id'] ?? '')
        if (known === undefined) throw badRequest('invalid group ID')
        return save(known, data)
      },
      delete: ({ params }) => remove(groups.get(params['id'] ?? '')),
    },
    { path: 'group/name', list: names, read: names },
    {
      path: 'group/name/:name',
      read: (request) => shown(named(request)),
      write: (request) => {
        const known = named(request)
        const answer = save(known, { ...request.data, name: request.params['name'] })
        return known === undefined ? answer : undefined
      },
      delete: (request) => remove(named(request)),
    },
  ]
}
