/** How the caller wants objects: whole, as a table for people, or their metadata alone. */
export type Representation = 'object' | 'table' | 'metadata'

export interface Accepted {
  readonly as: Representation
  readonly yaml: boolean
}

/** Reads the Accept header; the first form that is served wins (`application/json;as=Table;g=meta.k8s.io;v=v1, application/json`). */
export function acceptedOf(request: Request): Accepted {
  for (const part of (request.headers.get('accept') ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim())
    const yaml = type === 'application/yaml'
    if (!yaml && type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3)
    const version = parameters.find((parameter) => parameter.startsWith('v='))?.slice(2)
    if (as === undefined) return { as: 'object', yaml }
    if (version !== undefined && version !== 'v1') continue
    if (as === 'Table') return { as: 'table', yaml }
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'metadata', yaml }
  }
  return { as: 'object', yaml: false }
}
