import { isRecord, parseJson } from '../fields.ts'
import { parseDuration } from '../duration.ts'
import type { Entity, IdentityStore } from './identity-store.ts'
import { policyTemplate } from './policy-template.ts'

/** The claims of a role's template with `{{identity.…}}` and `{{time.…}}` as JSON values; what the entity does not have is an empty text. */
export function fillTemplate(template: string, identity: IdentityStore, entity: Entity, now: number): Record<string, unknown> {
  if (template === '') return {}
  const filled = parseJson(template.replaceAll(/\{\{\s*(.*?)\s*\}\}/g, (_all, expression: string) => JSON.stringify(valueOf(expression, identity, entity, now))))
  return isRecord(filled) ? filled : {}
}

function valueOf(expression: string, identity: IdentityStore, entity: Entity, now: number): unknown {
  const { direct, inherited } = identity.groupsOf(entity.id)
  const groups = [...direct, ...inherited]
  const shift = /^time\.now\.(plus|minus)\.(.+)$/.exec(expression)
  if (shift !== null) return now + (shift[1] === 'plus' ? 1 : -1) * parseDuration(shift[2])
  switch (expression) {
    case 'time.now': return now
    case 'identity.entity.groups.ids': return groups.map(({ id }) => id)
    case 'identity.entity.groups.names': return groups.map(({ name }) => name)
    case 'identity.entity.metadata': return entity.metadata ?? {}
    default: return aliasPart(expression, identity, entity) ?? policyTemplate(identity, entity.id)(expression) ?? ''
  }
}

/** All metadata of an alias, which a policy's path cannot hold. */
function aliasPart(expression: string, identity: IdentityStore, entity: Entity): object | undefined {
  const [, accessor, kind] = /^identity\.entity\.aliases\.([^.]+)\.(metadata|custom_metadata)$/.exec(expression) ?? []
  const alias = accessor === undefined ? undefined : identity.aliasesOf(entity.id).find((item) => item.mount_accessor === accessor)
  return alias === undefined ? undefined : (kind === 'metadata' ? alias.metadata : alias.custom_metadata) ?? {}
}
