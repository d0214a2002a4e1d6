import { matchesLabelSelector, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { parseImage } from '@idp/lang-jmespath'
import { CodedError } from '@idp/kit'
import type { TestValues } from '../test-values.ts'
import type { CelSource } from './cel-source.ts'
import { pluralOf } from './plurals.ts'

export interface FileCelSourceOptions {
  /** Objects that stand for the cluster's. */
  readonly objects: readonly AnyObject[]
  /** Metadata of images by reference. */
  readonly images?: ReadonlyMap<string, Json>
  readonly globalContext?: ReadonlyMap<string, Json>
  /** Answers of services by URL, or `METHOD:URL`. */
  readonly answers?: ReadonlyMap<string, Json>
  /** What values files say of namespaces. */
  readonly values?: Pick<TestValues, 'namespace' | 'namespaceLabels'>
  readonly now: () => number
}

const unknown = (message: string, where: string): CodedError => new CodedError({ code: 'ContextFailed', message, where, remedy: 'Give it in the context file' })

/** A cluster, registry and services made of files. */
export function fileCelSource({ objects, images = new Map(), globalContext = new Map(), answers = new Map(), values, now }: FileCelSourceOptions): CelSource {
  const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition')
  const of = (apiVersion: string, resource: string): AnyObject[] => objects.filter((one) => one.apiVersion === apiVersion && pluralOf(one.apiVersion, one.kind, definitions)?.resource === resource)
  const imageData = (image: string): Json => {
    const found = images.get(image) ?? [...images].find(([name]) => sameImage(name, image))?.[1]
    if (found === undefined) throw unknown(`image data for ${image} not found in the context`, image)
    return found
  }
  return {
    get: async (apiVersion, resource, namespace, name) => of(apiVersion, resource).find(({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace) as unknown as Json | undefined,
    list: async (apiVersion, resource, namespace, labels) => ({
      apiVersion, kind: 'List', metadata: {},
      items: of(apiVersion, resource).filter(({ metadata }) => (namespace === '' || metadata.namespace === namespace) && matchesLabelSelector({ matchLabels: { ...labels } }, metadata.labels ?? {})) as unknown as Json[],
    }),
    post: async (apiVersion, resource) => {
      throw unknown(`nothing answers a POST of ${apiVersion} ${resource}`, resource)
    },
    http: async ({ method, url }) => {
      const body = answers.get(`${method}:${url}`) ?? answers.get(url)
      if (body === undefined) throw unknown(`request failed: nothing answers ${method} ${url}`, url)
      return { body, statusCode: 200 }
    },
    globalContext: async (name, projection) => {
      const data = globalContext.get(name)
      if (data === undefined) return null
      if (projection === '') return data
      const found = (data as JsonObject)[projection]
      if (found === undefined) throw unknown(`projection "${projection}" not found in global context entry "${name}"`, name)
      return found
    },
    imageData: async (image) => imageData(image),
    isSigned: async ({ image }) => {
      imageData(image)
      return false
    },
    payload: async (image) => {
      throw unknown(`no verified payload of ${image}`, image)
    },
    resourceOf: (apiVersion, kind) => pluralOf(apiVersion, kind, definitions),
    namespace: async (name) => {
      const found = values?.namespace(name) ?? (objects.find((one) => one.kind === 'Namespace' && one.metadata.name === name) as unknown as JsonObject | undefined)
      const labels = values?.namespaceLabels(name)
      if (found !== undefined || labels === undefined) return found
      return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } }
    },
    now, random: Math.random,
  }
}

const sameImage = (a: string, b: string): boolean => {
  const [first, second] = [parseImage(a), parseImage(b)]
  return first !== undefined && first.reference === second?.reference
}
