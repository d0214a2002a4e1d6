import { contentHash } from './content-hash.ts'
import { rememberId, setMetadata, withObject } from './resource.ts'
import { idOf } from './resource-id.ts'
import { eachResource } from './transform.ts'

/** Appends the hash of their contents to the names of generated resources. */
export const hashNames = eachResource((resource) => {
  if (!resource.needsHash) return resource
  const name = `${idOf(resource.object).name}-${contentHash(resource.object)}`
  return withObject(rememberId(resource), setMetadata(resource.object, 'name', name))
})
