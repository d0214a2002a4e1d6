import type { CustomResourceDefinition } from '@idp/api'
import type { Clock } from '@idp/kit'
import type { Strategy } from '../resource.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import { cleanupFinalizer, definitionStatus } from './serve-definitions.ts'

/** How CRDs are written: established by the write itself, held by a finalizer until their objects are gone. */
export function definitionStrategy(clock: Clock, registry: ResourceRegistry): Strategy {
  const taken = ({ metadata, spec }: CustomResourceDefinition): string | undefined => {
    const other = registry.all().find((resource) => resource.kind.group === spec.group && resource.kind.plural !== spec.names.plural && resource.kind.kind === spec.names.kind)
    if (other !== undefined) return `"${spec.names.kind}" is already in use`
    const builtIn = registry.all().find((resource) => resource.builtIn && resource.kind.group === spec.group && resource.kind.plural === spec.names.plural)
    return builtIn === undefined ? undefined : `"${metadata.name ?? ''}" is a built-in resource`
  }
  return {
    prepareCreate(object) {
      object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), cleanupFinalizer])]
      const definition = object as unknown as CustomResourceDefinition
      definition.spec.names = { ...definition.spec.names, singular: definition.spec.names.singular ?? definition.spec.names.kind.toLowerCase(), listKind: definition.spec.names.listKind ?? `${definition.spec.names.kind}List` }
      object['status'] = definitionStatus(object, clock.now(), taken)
    },
    prepareUpdate(object) {
      object['status'] = definitionStatus(object, clock.now(), taken)
    },
  }
}
