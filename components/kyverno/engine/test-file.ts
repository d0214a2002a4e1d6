import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'
import { CodedError, type FileTree } from '@idp/kit'
import type { CelException } from '../kinds/cel-policy.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import type { Request } from './context.ts'
import type { PolicyException } from './exceptions.ts'
import { readContext } from './context-file.ts'
import { joinPath, readObjects, readObjectsAt } from './read-objects.ts'
import { readValues, type TestValues } from './test-values.ts'

/** One of `results[]`: what the rules of a policy are expected to say of resources. Older files write `status`, `resource`, `patchedResource`. */
export interface Expectation {
  readonly policy?: string; readonly rule?: string; readonly kind?: string; readonly resources?: readonly string[]; readonly resource?: string; readonly result?: string; readonly status?: string
  readonly resourceSpecs?: readonly { readonly group?: string; readonly version?: string; readonly kind?: string; readonly namespace?: string; readonly name?: string }[]
  readonly patchedResources?: string; readonly patchedResource?: string; readonly generatedResource?: string; readonly generatedResources?: readonly string[]
  readonly cloneSourceResource?: string; readonly operation?: Request['operation']
  readonly [flag: string]: unknown
}

interface TestFile {
  readonly metadata?: { readonly name?: string }; readonly name?: string; readonly policies?: readonly string[]; readonly resources?: readonly string[]; readonly targetResources?: readonly string[]; readonly clusterResources?: readonly string[]
  readonly exceptions?: readonly string[]; readonly variables?: string; readonly values?: unknown; readonly userinfo?: string; readonly userInfo?: string; readonly results?: readonly Expectation[]
  readonly paramResources?: readonly string[]; readonly context?: string; readonly jsonPayload?: string; readonly httpPayloads?: readonly string[]; readonly envoyPayloads?: readonly string[]; readonly jsonPayloads?: readonly string[]
  readonly globalContextEntries?: readonly GlobalEntry[]
  readonly apiCallResponses?: readonly { readonly url?: string; readonly urlPath?: string; readonly response?: { readonly body?: Json } }[]
}

interface GlobalEntry { readonly name: string; readonly data?: Json; readonly resources?: readonly Json[]; readonly resourceFiles?: readonly string[]; readonly fieldPath?: string; readonly projections?: readonly { readonly name: string; readonly path: string }[] }
/** A test file of the Kyverno CLI with everything it names read. */
export interface PolicyTestFile {
  readonly name: string
  readonly policies: readonly PolicyObject[]
  readonly resources: readonly AnyObject[]
  /** Looked up by policies, not judged. */
  readonly clusterResources: readonly AnyObject[]
  readonly exceptions: readonly PolicyException[]
  readonly celExceptions: readonly CelException[]
  /** Parameters of admission policies. */
  readonly params: readonly AnyObject[]
  /** Payloads for policies that look at JSON, by the name their rows use. */
  readonly payloads: readonly { readonly name: string; readonly value: Json; readonly mode: string }[]
  readonly images: ReadonlyMap<string, Json>
  readonly globalContext: ReadonlyMap<string, Json>
  readonly values: TestValues
  /** Whether there are values at all. */
  readonly hasValues: boolean
  /** Answers of API calls by URL or path. */
  readonly answers: ReadonlyMap<string, Json>
  readonly results: readonly Expectation[]
  /** Reads a file that a result names. */
  read(path: string): Promise<AnyObject[]>
}

/** Reads the tests of a file (`cli.kyverno.io/v1alpha1` Test, and older files without kind). Paths in it are relative to it. Throws CodedError `InvalidTest`, `FileMissing`, `PathOutside`. */
export async function loadPolicyTests(files: FileTree, path: string): Promise<PolicyTestFile[]> {
  const tests = (await readObjects(files, path)) as unknown as TestFile[]
  if (tests.length === 0 || !tests.every(({ results }) => Array.isArray(results))) throw new CodedError({ code: 'InvalidTest', message: 'the file has no results', where: path, remedy: 'Write results[] with policy, rule, kind, resources and result.' })
  return Promise.all(tests.map((test) => loadTest(files, path, test)))
}

async function loadTest(files: FileTree, path: string, test: TestFile): Promise<PolicyTestFile> {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  const at = (one: string): string => joinPath(folder, one)
  const load = async (paths: readonly string[] | undefined): Promise<AnyObject[]> => (await Promise.all((paths ?? []).map((one) => readObjectsAt(files, at(one))))).flat()
  const first = async (one: string | undefined): Promise<unknown> => (one === undefined ? undefined : (await readObjects(files, at(one)))[0])
  const cloned = [...new Set((test.results ?? []).flatMap(({ cloneSourceResource }) => (cloneSourceResource === undefined ? [] : [cloneSourceResource])))]
  const context = readContext([...(await load(test.clusterResources)), ...(await load(test.context === undefined ? [] : [test.context]))])
  const exceptions = await load(test.exceptions)
  return {
    name: test.metadata?.name ?? test.name ?? path,
    policies: (await load(test.policies)) as unknown as PolicyObject[],
    resources: [...(await load(test.resources)), ...(await load(test.targetResources))],
    clusterResources: [...context.objects, ...(await load(context.definitionFiles)), ...(await load(cloned))],
    exceptions: exceptions.filter((one) => !isCelException(one)) as unknown as PolicyException[],
    celExceptions: exceptions.filter(isCelException) as unknown as CelException[],
    payloads: (await Promise.all([
      ...[...(test.jsonPayloads ?? []), ...(test.jsonPayload === undefined ? [] : [test.jsonPayload])].map((name) => ({ name, mode: 'JSON' })), ...(test.httpPayloads ?? []).map((name) => ({ name, mode: 'HTTP' })), ...(test.envoyPayloads ?? []).map((name) => ({ name, mode: 'Envoy' })),
    ].map(async ({ name, mode }) => (await load([name])).map((value) => ({ name, mode, value: value as unknown as Json }))))).flat(),
    params: await load(test.paramResources),
    images: context.images,
    globalContext: new Map(await Promise.all((test.globalContextEntries ?? []).map(async (entry) => [entry.name, globalData(entry, entry.resourceFiles === undefined ? [...(entry.resources ?? [])] : (await load(entry.resourceFiles)) as unknown as Json[])] as const))),
    hasValues: test.values !== undefined || test.variables !== undefined,
    values: readValues(test.values ?? (await first(test.variables)), await first(test.userinfo ?? test.userInfo)),
    answers: new Map((test.apiCallResponses ?? []).map(({ url, urlPath, response }) => [url ?? urlPath ?? '', response?.body ?? ({} as JsonObject)])),
    results: test.results ?? [],
    read: (file) => readObjectsAt(files, at(file)),
  }
}

const isCelException = ({ apiVersion }: AnyObject): boolean => (apiVersion ?? '').startsWith('policies.kyverno.io/')

/** What a global context entry holds: its data or resources, or the projections of them. */
function globalData({ data, projections }: GlobalEntry, resources: readonly Json[]): Json {
  const whole: Json = data ?? [...resources]
  if (projections === undefined) return whole
  return Object.fromEntries(projections.map(({ name, path }) => [name, jmesPath(path).evaluate(whole)]))
}
