import type { Template } from '../policy/policy-store.ts'
import type { IdentityStore } from './identity-store.ts'

/** Values of `{{identity.…}}` in a policy's paths for one entity. Groups only where the entity is a member. */
export function policyTemplate(identity: IdentityStore, entityId: string): Template {
  return (expression) => {
    const parts = expression.split('.')
    if (parts.shift() !== 'identity') return undefined
    const entity = identity.entities.get(entityId)
    if (entity === undefined) return undefined
    const [kind = '', first = '', second = ''] = parts
    if (kind === 'entity') {
      if (first === 'id' || first === 'name') return entity[first]
      if (first === 'metadata') return entity.metadata?.[parts.slice(2).join('.')]
      if (first !== 'aliases') return undefined
      const alias = identity.aliasesOf(entityId).find((item) => item.mount_accessor === second)
      const member = parts[3] ?? ''
      if (alias === undefined) return undefined
      if (member === 'id' || member === 'name') return alias[member]
      if (member === 'metadata') return alias.metadata?.[parts.slice(4).join('.')]
      return member === 'custom_metadata' ? alias.custom_metadata?.[parts.slice(4).join('.')] : undefined
    }
    if (kind !== 'groups') return undefined
    const { direct, inherited } = identity.groupsOf(entityId)
    const group = [...direct, ...inherited].find((item) => (first === 'ids' ? item.id === second : first === 'names' && item.name === second))
    const member = parts[3] ?? ''
    if (group === undefined) return undefined
    if (member === 'id' || member === 'name') return group[member]
    return member === 'metadata' ? group.metadata?.[parts.slice(4).join('.')] : undefined
  }
}
