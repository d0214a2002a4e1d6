import type { Active } from '../core/active.ts'
import type { Alias, Entity, Group } from './identity-store.ts'

/** Records as the API shows them. */
export function aliasJson({ mounts }: Active, alias: Alias): Record<string, unknown> {
  const mount = mounts.byAccessor(alias.mount_accessor)
  return { ...alias, local: false, merged_from_canonical_ids: null, mount_path: mount === undefined ? '' : mount.table === 'auth' ? `auth/${mount.path}` : mount.path, mount_type: mount?.type ?? '', namespace_id: 'root' }
}

export function entityJson(active: Active, entity: Entity): Record<string, unknown> {
  const { direct, inherited } = active.identity.groupsOf(entity.id)
  return {
    ...entity, aliases: active.identity.aliasesOf(entity.id).map((alias) => aliasJson(active, alias)), direct_group_ids: direct.map(({ id }) => id), inherited_group_ids: inherited.map(({ id }) => id),
    group_ids: [...direct, ...inherited].map(({ id }) => id), mfa_secrets: {}, bucket_key_hash: '', namespace_id: 'root',
  }
}

export function groupJson(active: Active, group: Group): Record<string, unknown> {
  const alias = active.identity.groupAliasOf(group.id)
  const parents = active.identity.groups.all().filter(({ member_group_ids: members }) => members.includes(group.id)).map(({ id }) => id)
  return { ...group, alias: alias === undefined ? {} : aliasJson(active, alias), parent_group_ids: parents.length === 0 ? null : parents, member_group_ids: group.member_group_ids.length === 0 ? null : group.member_group_ids, member_entity_ids: group.type === 'external' && group.member_entity_ids.length === 0 ? null : group.member_entity_ids, namespace_id: 'root' }
}
