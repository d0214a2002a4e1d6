import { matchesLabelSelector, type AnyObject, type Json, type JsonObject, type LabelSelector } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { ContextSource } from './context.ts'
import type { GenerationSource, ObjectReference } from './generate.ts'

export interface FileSourceOptions {
  /** Objects from files that stand for the cluster's. */
  readonly objects: readonly AnyObject[]
  /** Answers of API calls and services by URL or path. */
  readonly answers?: ReadonlyMap<string, Json>
  readonly given?: NonNullable<ContextSource['given']>
}

/** The cluster that policies ask, made of files. An API path answers with the objects there are; with `given` values, paths the test does not answer are refused, as a test has no cluster. */
export function fileSource({ objects, answers = new Map(), given }: FileSourceOptions): GenerationSource {
  return {
    ...(given === undefined ? {} : { given }),
    configMap: async (name, namespace) => objects.find((one) => one.kind === 'ConfigMap' && one.metadata.name === name && namespaceOf(one) === namespace) as unknown as JsonObject | undefined,
    find: async (reference) => objects.filter((one) => isMeant(one, reference)),
    api: async (path) => {
      const known = answers.get(path)
      if (known !== undefined) return known
      if (given === undefined) return answerPath(objects, path)
      throw new CodedError({ code: 'ContextFailed', message: `a test has no cluster to ask: ${path}`, where: path, remedy: 'Give the value in the variables file.' })
    },
  }
}

const namespaceOf = ({ metadata }: AnyObject): string => metadata.namespace ?? 'default'

function isMeant(one: AnyObject, { kind, name, namespace, selector }: ObjectReference): boolean {
  return one.kind === kind && (name === undefined || one.metadata.name === name) && (namespace === undefined || namespaceOf(one) === namespace)
    && (selector === undefined || matchesLabelSelector(selector as LabelSelector, one.metadata.labels ?? {}))
}

const plural = (kind: string): string => kind.toLowerCase().replace(/y$/, 'ie').replace(/(s|x|ch|sh)$/, '$1e').concat('s')

/** Answers `GET /api/v1/namespaces/NS/PLURAL/NAME` and its shorter forms. Throws CodedError `ContextFailed` for an object that is not there. */
function answerPath(objects: readonly AnyObject[], path: string): Json {
  const parts = path.split('?')[0]?.split('/').filter((part) => part !== '') ?? []
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3)
  const [namespace, [resource = '', name]] = rest[0] === 'namespaces' && rest.length > 2 ? [rest[1], rest.slice(2)] : [undefined, rest]
  const apiVersion = parts[0] === 'api' ? 'v1' : parts.slice(1, 3).join('/')
  const found = objects.filter((one) => one.apiVersion === apiVersion && plural(one.kind) === resource && (namespace === undefined || namespaceOf(one) === namespace))
  if (name === undefined) return { apiVersion, kind: 'List', metadata: {}, items: found as unknown as Json[] }
  const one = found.find(({ metadata }) => metadata.name === name)
  if (one === undefined) throw new CodedError({ code: 'ContextFailed', message: `failed to GET resource with raw url ${path}: not found`, where: path })
  return one as unknown as Json
}
