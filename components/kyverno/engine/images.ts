import type { Json, JsonObject } from '@idp/formats'
import { parseImage } from '@idp/lang-jmespath'


const podPaths: Readonly<Record<string, readonly string[]>> = { Pod: ['spec'], CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'] }
const templates = new Set(['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet', 'ReplicationController', 'Job'])

/** The `images` variable: `{containers: {NAME: {…}}, initContainers, ephemeralContainers}` of a pod or a pod controller; undefined where there are none. */
export function imagesOf(object: JsonObject): JsonObject | undefined {
  const kind = String(object['kind'])
  const path = podPaths[kind] ?? (templates.has(kind) ? ['spec', 'template', 'spec'] : undefined)
  if (path === undefined) return undefined
  const spec = path.reduce<Json | undefined>((value, key) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined), object)
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return undefined
  const images: JsonObject = {}
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    const found: JsonObject = {}
    const items = spec[list]
    for (const [index, item] of (Array.isArray(items) ? items : []).entries()) {
      const { name, image } = (item ?? {}) as { name?: string; image?: string }
      const parsed = typeof image === 'string' ? parseImage(image) : undefined
      if (parsed !== undefined) found[name ?? String(index)] = { ...parsed, jsonPointer: `/${[...path, list, index, 'image'].join('/')}` } as JsonObject
    }
    if (Object.keys(found).length > 0) images[list] = found
  }
  return Object.keys(images).length === 0 ? undefined : images
}
