import { uuid, type Clock, type Random } from '@idp/kit'
import { goTime } from '../duration.ts'
import { storageView, type Storage } from '../storage/storage.ts'

type Metadata = Readonly<Record<string, string>>

export interface Alias {
  readonly id: string
  /** Entity or group. */
  readonly canonical_id: string
  readonly mount_accessor: string
  readonly name: string
  readonly metadata: Metadata | null
  readonly custom_metadata: Metadata | null
  readonly creation_time: string
  readonly last_update_time: string
}

export interface Entity {
  readonly id: string
  readonly name: string
  readonly metadata: Metadata | null
  readonly policies: readonly string[]
  readonly disabled: boolean
  readonly merged_entity_ids: readonly string[] | null
  readonly creation_time: string
  readonly last_update_time: string
}

export interface Group {
  readonly id: string
  readonly name: string
  readonly type: 'internal' | 'external'
  readonly metadata: Metadata | null
  readonly policies: readonly string[]
  readonly member_entity_ids: readonly string[]
  readonly member_group_ids: readonly string[]
  readonly modify_index: number
  readonly creation_time: string
  readonly last_update_time: string
}

/** One kind of record with an index by name. */
export interface Table<T extends { readonly id: string }> {
  get(id: string): T | undefined
  named(name: string): T | undefined
  all(): T[]
  save(record: T): T
  remove(id: string): void
}

export interface IdentityStore {
  readonly entities: Table<Entity>
  readonly groups: Table<Group>
  readonly aliases: Table<Alias>
  readonly groupAliases: Table<Alias>
  aliasesOf(entityId: string): Alias[]
  groupAliasOf(groupId: string): Alias | undefined
  /** Groups of an entity: direct, and inherited from groups above those. */
  groupsOf(entityId: string): { readonly direct: Group[]; readonly inherited: Group[] }
  /** The entity of who logged in by this name at this mount; made when there is none. */
  entityOf(mountAccessor: string, name: string, metadata: Metadata): Entity
  /** Puts an entity in exactly the external groups (of this mount) that the login named. */
  setExternalGroups(entityId: string, mountAccessor: string, names: readonly string[]): void
  stamp(): { readonly creation_time: string; readonly last_update_time: string }
  newId(): string
}

const keyOfAlias = (alias: Pick<Alias, 'mount_accessor' | 'name'>): string => `${alias.mount_accessor}\n${alias.name}`

export function createIdentityStore({ storage: whole, clock, random }: { readonly storage: Storage; readonly clock: Clock; readonly random: Random }): IdentityStore {
  const storage = storageView(whole, 'identity/')
  const entities = table<Entity>(storage, 'entity/', ({ name }) => name.toLowerCase())
  const groups = table<Group>(storage, 'group/', ({ name }) => name.toLowerCase())
  const aliases = table<Alias>(storage, 'alias/', keyOfAlias)
  const groupAliases = table<Alias>(storage, 'group-alias/', keyOfAlias)
  const newId = (): string => uuid(random)
  const stamp = () => ({ creation_time: goTime(clock.now()), last_update_time: goTime(clock.now()) })

  function groupsOf(entityId: string): { direct: Group[]; inherited: Group[] } {
    if (entityId === '') return { direct: [], inherited: [] }
    const all = groups.all()
    const direct = all.filter((group) => group.member_entity_ids.includes(entityId))
    const seen = new Set(direct.map(({ id }) => id))
    const inherited: Group[] = []
    const waiting = [...direct]
    for (let group = waiting.pop(); group !== undefined; group = waiting.pop()) {
      const { id } = group
      for (const parent of all) {
        if (seen.has(parent.id) || !parent.member_group_ids.includes(id)) continue
        seen.add(parent.id)
        inherited.push(parent)
        waiting.push(parent)
      }
    }
    return { direct, inherited }
  }
  return {
    entities, groups, aliases, groupAliases, groupsOf, stamp, newId,
    aliasesOf: (entityId) => aliases.all().filter((alias) => alias.canonical_id === entityId),
    groupAliasOf: (groupId) => groupAliases.all().find((alias) => alias.canonical_id === groupId),
    entityOf(mountAccessor, name, metadata) {
      const alias = aliases.named(keyOfAlias({ mount_accessor: mountAccessor, name }))
      const known = alias === undefined ? undefined : entities.get(alias.canonical_id)
      if (alias !== undefined && known !== undefined) {
        if (JSON.stringify(alias.metadata) !== JSON.stringify(metadata)) aliases.save({ ...alias, metadata, last_update_time: goTime(clock.now()) })
        return known
      }
      const id = newId()
      const entity = entities.save({ id, name: `entity_${id.slice(0, 8)}`, metadata: null, policies: [], disabled: false, merged_entity_ids: null, ...stamp() })
      aliases.save({ id: newId(), canonical_id: id, mount_accessor: mountAccessor, name, metadata, custom_metadata: null, ...stamp() })
      return entity
    },
    setExternalGroups(entityId, mountAccessor, names) {
      for (const alias of groupAliases.all().filter((item) => item.mount_accessor === mountAccessor)) {
        const group = groups.get(alias.canonical_id)
        if (group === undefined) continue
        const wanted = names.includes(alias.name)
        if (wanted === group.member_entity_ids.includes(entityId)) continue
        groups.save({ ...group, member_entity_ids: wanted ? [...group.member_entity_ids, entityId] : group.member_entity_ids.filter((id) => id !== entityId) })
      }
    },
  }
}

/** Records under `<prefix>id/<id>`, with the whole table in memory: identity is read at every request. */
function table<T extends { readonly id: string }>(storage: Storage, prefix: string, nameOf: (record: T) => string): Table<T> {
  const records = new Map<string, T>()
  const names = new Map<string, string>()
  const remember = (record: T): void => {
    records.set(record.id, record)
    names.set(nameOf(record), record.id)
  }
  for (const id of storage.list(prefix)) {
    const record = storage.get<T>(prefix + id)
    if (record !== undefined) remember(record)
  }
  const forget = (id: string): void => {
    const known = records.get(id)
    if (known !== undefined && names.get(nameOf(known)) === id) names.delete(nameOf(known))
    records.delete(id)
  }
  return {
    get: (id) => records.get(id),
    named: (name) => records.get(names.get(name) ?? ''),
    all: () => [...records.values()],
    save(record) {
      forget(record.id)
      remember(record)
      storage.put(prefix + record.id, record)
      return record
    },
    remove(id) {
      forget(id)
      storage.delete(prefix + id)
    },
  }
}
