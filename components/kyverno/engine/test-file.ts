import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'
import type { PolicyObject } from '../kinds/policy.ts'
import type { Request } from './context.ts'
import type { PolicyException } from './exceptions.ts'
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
  readonly apiCallResponses?: readonly { readonly url?: string; readonly urlPath?: string; readonly response?: { readonly body?: Json } }[]
}

/** A test file of the Kyverno CLI with everything it names read. */
export interface PolicyTestFile {
  readonly name: string
  readonly policies: readonly PolicyObject[]
  readonly resources: readonly AnyObject[]
  /** Looked up by policies, not judged. */
  readonly clusterResources: readonly AnyObject[]
  readonly exceptions: readonly PolicyException[]
  readonly values: TestValues
  /** Answers of API calls by URL or path. */
  readonly answers: ReadonlyMap<string, Json>
  readonly results: readonly Expectation[]
  /** Reads a file that a result names. */
  read(path: string): Promise<AnyObject[]>
}

/** Reads a test file (`cli.kyverno.io/v1alpha1` Test, and older files without kind). Paths in it are relative to it. Throws CodedError `InvalidTest`, `FileMissing`, `PathOutside`. */
export async function loadPolicyTest(files: FileTree, path: string): Promise<PolicyTestFile> {
  const [test] = (await readObjects(files, path)) as unknown as TestFile[]
  if (test === undefined || !Array.isArray(test.results)) throw new CodedError({ code: 'InvalidTest', message: 'the file has no results', where: path, remedy: 'Write results[] with policy, rule, kind, resources and result.' })
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  const at = (one: string): string => joinPath(folder, one)
  const load = async (paths: readonly string[] | undefined): Promise<AnyObject[]> => (await Promise.all((paths ?? []).map((one) => readObjectsAt(files, at(one))))).flat()
  const first = async (one: string | undefined): Promise<unknown> => (one === undefined ? undefined : (await readObjects(files, at(one)))[0])
  const cloned = [...new Set((test.results as readonly Expectation[]).flatMap(({ cloneSourceResource }) => (cloneSourceResource === undefined ? [] : [cloneSourceResource])))]
  return {
    name: test.metadata?.name ?? test.name ?? path,
    policies: (await load(test.policies)) as unknown as PolicyObject[],
    resources: [...(await load(test.resources)), ...(await load(test.targetResources))],
    clusterResources: [...(await load(test.clusterResources)), ...(await load(cloned))],
    exceptions: (await load(test.exceptions)) as unknown as PolicyException[],
    values: readValues(test.values ?? (await first(test.variables)), await first(test.userinfo ?? test.userInfo)),
    answers: new Map((test.apiCallResponses ?? []).map(({ url, urlPath, response }) => [url ?? urlPath ?? '', response?.body ?? ({} as JsonObject)])),
    results: test.results,
    read: (file) => readObjectsAt(files, at(file)),
  }
}
