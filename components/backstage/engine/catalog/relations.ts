import { formatEntityRef, parseEntityRef, refOf, specStrings, type Entity, type EntityRelation } from './entity.ts'

interface Rule { readonly key: string; readonly kind?: string; readonly forward: string; readonly backward: string }

const owner: Rule = { key: 'owner', kind: 'Group', forward: 'ownedBy', backward: 'ownerOf' }
const system: Rule = { key: 'system', kind: 'System', forward: 'partOf', backward: 'hasPart' }
const dependsOn: Rule = { key: 'dependsOn', forward: 'dependsOn', backward: 'dependencyOf' }
const dependencyOf: Rule = { key: 'dependencyOf', forward: 'dependencyOf', backward: 'dependsOn' }

/** Which field of a kind says which relation; the default kind is what a reference without one means. */
const rules: Readonly<Record<string, readonly Rule[]>> = {
  Component: [
    owner, { key: 'subcomponentOf', kind: 'Component', forward: 'partOf', backward: 'hasPart' }, { key: 'providesApis', kind: 'API', forward: 'providesApi', backward: 'apiProvidedBy' },
    { key: 'consumesApis', kind: 'API', forward: 'consumesApi', backward: 'apiConsumedBy' }, dependsOn, dependencyOf, system,
  ],
  API: [owner, system],
  Resource: [owner, dependsOn, dependencyOf, system],
  System: [owner, { key: 'domain', kind: 'Domain', forward: 'partOf', backward: 'hasPart' }],
  Domain: [owner, { key: 'subdomainOf', kind: 'Domain', forward: 'partOf', backward: 'hasPart' }],
  Template: [owner],
  User: [{ key: 'memberOf', kind: 'Group', forward: 'memberOf', backward: 'hasMember' }],
  Group: [
    { key: 'parent', kind: 'Group', forward: 'childOf', backward: 'parentOf' }, { key: 'children', kind: 'Group', forward: 'parentOf', backward: 'childOf' },
    { key: 'members', kind: 'User', forward: 'hasMember', backward: 'memberOf' },
  ],
}

/** Relations that one entity states, of itself and of its targets. Throws CodedError `InvalidEntityRef`. */
export function statedRelations(entity: Entity): { readonly from: string; readonly relation: EntityRelation }[] {
  const self = refOf(entity)
  return (rules[entity.kind] ?? []).flatMap(({ key, kind, forward, backward }) => specStrings(entity, key).flatMap((text) => {
    const target = formatEntityRef(parseEntityRef(text, { ...(kind === undefined ? {} : { kind }), namespace: entity.metadata.namespace ?? 'default' }))
    return [{ from: self, relation: { type: forward, targetRef: target } }, { from: target, relation: { type: backward, targetRef: self } }]
  }))
}

/** For each entity all relations that it and others state about it: each once, sorted. */
export function stitchRelations(entities: Iterable<Entity>): Map<string, EntityRelation[]> {
  const found = new Map<string, Map<string, EntityRelation>>()
  for (const entity of entities) {
    for (const { from, relation } of statedRelations(entity)) {
      let of = found.get(from)
      if (of === undefined) found.set(from, of = new Map())
      of.set(`${relation.type}\0${relation.targetRef}`, relation)
    }
  }
  return new Map([...found].map(([ref, relations]) => [ref, [...relations].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, relation]) => relation)]))
}
