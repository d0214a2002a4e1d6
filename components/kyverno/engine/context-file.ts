import type { AnyObject, Json, JsonObject } from '@idp/formats'

/** What context files give policies instead of a cluster and a registry. */
export interface ContextData { readonly objects: readonly AnyObject[]; readonly definitionFiles: readonly string[]; readonly images: ReadonlyMap<string, Json> }

interface ContextFile { readonly spec?: { readonly resources?: readonly AnyObject[]; readonly crds?: readonly string[]; readonly images?: readonly (JsonObject & { readonly image?: string })[] } }

/** Whether an object is a `kind: Context` or `kind: ClusterResource` of cli.kyverno.io. */
export const isContextFile = ({ kind, apiVersion }: AnyObject): boolean => (kind === 'Context' || kind === 'ClusterResource') && (apiVersion ?? '').startsWith('cli.kyverno.io/')

/** Reads context files; other objects among them stand for themselves. */
export function readContext(objects: readonly AnyObject[]): ContextData {
  const specs = objects.filter(isContextFile).map((one) => (one as ContextFile).spec ?? {})
  return {
    objects: [...objects.filter((one) => !isContextFile(one)), ...specs.flatMap(({ resources = [] }) => resources)],
    definitionFiles: specs.flatMap(({ crds = [] }) => crds),
    images: new Map(specs.flatMap(({ images = [] }) => images.map((one) => [one.image ?? '', one as Json] as const))),
  }
}
