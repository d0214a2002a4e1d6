import { deepEqual, matchesLabelSelector, parseYamlDocuments, type AnyObject, type Json, type JsonObject, type LabelSelector } from '@idp/formats'
import { CodedError, messageOf, type FileTree } from '@idp/kit'
import type { PolicyObject } from '../kinds/policy.ts'
import type { ContextSource, Request } from './context.ts'
import { mutationResults, validateResource, type MutationResult } from './evaluate.ts'
import type { PolicyException } from './exceptions.ts'
import { generationResults } from './generate.ts'
import { readValues, type TestValues } from './test-values.ts'
import type { Verdict } from './verdict.ts'

/** One check of a test file: what one rule was expected to say of one resource. */
export interface TestRow {
  readonly policy: string
  readonly rule: string
  readonly kind: string
  /** `name` or `namespace/name`, as the test file writes it. */
  readonly resource: string
  readonly expected: string
  /** What the engine says; `excluded` when no rule is about the resource, `missing` when the files hold no such resource or policy. */
  readonly actual: Verdict | 'excluded' | 'missing' | 'warn'
  readonly passed: boolean
  /** Why a row did not pass; else what the rule says. */
  readonly message: string
}
export interface TestResult { readonly name: string; readonly rows: readonly TestRow[] }

interface Expectation {
  readonly policy?: string; readonly rule?: string; readonly kind?: string; readonly resources?: readonly string[]; readonly resource?: string; readonly result?: string; readonly status?: string
  readonly patchedResources?: string; readonly patchedResource?: string; readonly generatedResource?: string; readonly cloneSourceResource?: string; readonly operation?: Request['operation']
  readonly [flag: string]: unknown
}
interface TestFile {
  readonly metadata?: { readonly name?: string }; readonly name?: string; readonly policies?: readonly string[]; readonly resources?: readonly string[]; readonly targetResources?: readonly string[]; readonly clusterResources?: readonly string[]
  readonly exceptions?: readonly string[]; readonly variables?: string; readonly userinfo?: string; readonly userInfo?: string; readonly results?: readonly Expectation[]
}

interface Outcome { readonly rule: string; readonly verdict: Verdict | 'warn'; readonly message: string; readonly patched?: AnyObject; readonly generated?: readonly AnyObject[] }

/** Kinds of policies that only CEL decides; their rows are answered by name, not guessed. */
const unsupportedKinds = /^(Namespaced)?(Validating|Mutating|Generating|Deleting|ImageValidating)Policy$|AdmissionPolicy$/

/**
 * Runs one test file of the Kyverno CLI (`kyverno-test.yaml`, cli.kyverno.io/v1alpha1) with the engine that the cluster uses. Paths in it are relative to it and may not leave `files`.
 * A row is one (policy, rule, kind, resource). As with upstream's CLI, a row about a resource that the rule leaves alone passes (`excluded`), whatever it expects. Throws CodedError `InvalidTest` for a file that is no test.
 */
export async function runPolicyTest(files: FileTree, path: string): Promise<TestResult> {
  const [test] = (await readObjects(files, path)) as unknown as TestFile[]
  if (test === undefined || !Array.isArray(test.results)) throw new CodedError({ code: 'InvalidTest', message: 'the file has no results', where: path, remedy: 'Write results[] with policy, rule, kind, resources and result.' })
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  const load = async (paths: readonly string[] | undefined): Promise<AnyObject[]> => (await Promise.all((paths ?? []).map((one) => readAt(files, join(folder, one))))).flat()
  const world: World = {
    policies: (await load(test.policies)) as unknown as PolicyObject[], resources: [...(await load(test.resources)), ...(await load(test.targetResources))],
    others: [...(await load(test.clusterResources)), ...(await load([...new Set(test.results.flatMap(({ cloneSourceResource }) => (cloneSourceResource === undefined ? [] : [cloneSourceResource])))]))],
    exceptions: (await load(test.exceptions)) as unknown as PolicyException[],
    values: readValues(test.variables === undefined ? undefined : (await readObjects(files, join(folder, test.variables)))[0], test.userinfo === undefined && test.userInfo === undefined ? undefined : (await readObjects(files, join(folder, test.userinfo ?? test.userInfo ?? '')))[0]),
    outcomes: new Map(),
  }
  const rows: TestRow[] = []
  for (const expectation of test.results) rows.push(...(await checkRow(world, expectation, (file) => readAt(files, join(folder, file)))))
  return { name: test.metadata?.name ?? test.name ?? path, rows }
}

interface World {
  readonly policies: readonly PolicyObject[]; readonly resources: readonly AnyObject[]; readonly others: readonly AnyObject[]; readonly exceptions: readonly PolicyException[]; readonly values: TestValues
  readonly outcomes: Map<string, readonly Outcome[]>
}

async function checkRow(world: World, expectation: Expectation, read: (file: string) => Promise<AnyObject[]>): Promise<TestRow[]> {
  const { policy: wanted = '', rule = '', kind = '' } = expectation
  const expected = expectation.result ?? expectation.status ?? 'pass'
  const row = (resource: string, actual: TestRow['actual'], passed: boolean, message: string): TestRow => ({ policy: wanted, rule, kind, resource, expected, actual, passed, message })
  const names = expectation.resources ?? (expectation.resource === undefined ? undefined : [expectation.resource])
  const policy = world.policies.find(({ metadata }) => metadata.name === wanted.split('/').at(-1))
  if (policy === undefined) return (names ?? ['*']).map((name) => row(name, 'missing', false, `no policy '${wanted}' in the files`))
  if (policy.kind !== undefined && unsupportedKinds.test(policy.kind)) return (names ?? ['*']).map((name) => row(name, 'missing', false, `unsupported: ${policy.kind} (CEL)`))
  const chosen = names ?? world.resources.filter((one) => kind === '' || one.kind === kind).map(({ metadata }) => `${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`)
  const rows: TestRow[] = []
  for (const name of new Set(chosen)) {
    const objects = findAll(world.resources, name, kind)
    if (objects.length === 0) rows.push(row(name, 'missing', false, `no resource '${name}' of kind ${kind} in the files`))
    for (const object of objects) rows.push(await checkOne(world, { policy, object, expectation, expected, read }, (actual, passed, message) => row(name, actual, passed, message)))
  }
  return rows
}

const find = (resources: readonly AnyObject[], reference: string, kind: string): AnyObject | undefined => findAll(resources, reference, kind)[0]

/** A name without a namespace means every resource of the name. */
function findAll(resources: readonly AnyObject[], reference: string, kind: string): readonly AnyObject[] {
  const [namespace, name] = reference.includes('/') ? reference.split('/') : [undefined, reference]
  const named = resources.filter((one) => one.metadata.name === name && (namespace === undefined || (one.metadata.namespace ?? 'default') === namespace))
  return named.filter((one) => kind === '' || one.kind.toLowerCase() === (kind.split('/').at(-1) ?? '').toLowerCase())
}

interface Check { readonly policy: PolicyObject; readonly object: AnyObject; readonly expectation: Expectation; readonly expected: string; read(file: string): Promise<AnyObject[]> }

async function checkOne(world: World, check: Check, row: (actual: TestRow['actual'], passed: boolean, message: string) => TestRow): Promise<TestRow> {
  const { expectation, expected } = check
  const all = await outcomesOf(world, check)
  const { rule = '' } = expectation
  const found = all.filter((one) => rule === '' || one.rule === rule || one.rule === `autogen-${rule}`.slice(0, 63) || one.rule === `autogen-cronjob-${rule}`.slice(0, 63))
  const [first] = found
  if (first === undefined) return row('excluded', true, 'excluded: no rule of that name is about the resource')
  // A row may expect that the patched resource is not the one in the file.
  if (expected === 'fail' && (await compareFiles(check, found)) !== undefined) return row('fail', true, 'the resource is not as in the file')
  const wrong = found.find(({ verdict }) => verdict !== expected)
  if (wrong !== undefined) return row(wrong.verdict, false, `want ${expected}, got ${wrong.verdict}: ${wrong.message}`)
  const difference = await compareFiles(check, found)
  return difference === undefined ? row(first.verdict, true, first.message) : row(first.verdict, false, difference)
}

/** The patched or generated objects that the row names files for, held against what came out; undefined when they are the same. */
async function compareFiles({ expectation, expected, object, read }: Check, found: readonly Outcome[]): Promise<string | undefined> {
  const { patchedResources, patchedResource, generatedResource } = expectation
  const patchFile = patchedResources ?? patchedResource
  const patched = found.at(-1)?.patched
  if (patchFile !== undefined && patched !== undefined) {
    const wanted = find(await read(patchFile), `${object.metadata.namespace === undefined ? '' : `${object.metadata.namespace}/`}${object.metadata.name ?? ''}`, object.kind)
    // Upstream passes over resources that the file does not hold, unless the row expects a difference.
    if (wanted === undefined) return expected === 'fail' ? 'the file does not hold the resource' : undefined
    const difference = firstDifference(tidy(wanted), tidy(patched))
    if (difference !== undefined) return `patched resource differs at ${difference}`
  }
  if (generatedResource !== undefined) {
    const wanted = await read(generatedResource)
    for (const made of found.flatMap(({ generated = [] }) => generated)) {
      const same = wanted.find((one) => one.kind === made.kind && one.metadata.name === made.metadata.name)
      if (same === undefined) return `generated ${made.kind} ${made.metadata.name ?? ''} is not in ${generatedResource}`
      const difference = firstDifference(tidy(same), tidy(made))
      if (difference !== undefined) return `generated resource differs at ${difference}`
    }
  }
  return undefined
}

/** Without what an upstream file may leave out: the namespace `default`, labels of generation, null and empty members. */
function tidy(object: AnyObject): Json {
  const { namespace, labels, ...metadata } = object.metadata as unknown as JsonObject
  const kept = Object.entries((labels ?? {}) as JsonObject).filter(([key]) => !key.startsWith('generate.kyverno.io/') && key !== 'app.kubernetes.io/managed-by')
  return withoutEmpty({ ...(object as unknown as JsonObject), metadata: { ...metadata, ...(namespace === undefined || namespace === 'default' ? {} : { namespace }), labels: Object.fromEntries(kept) } }) ?? {}
}

function withoutEmpty(value: Json | undefined): Json | undefined {
  if (value === null || value === undefined) return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => withoutEmpty(item) ?? {})
  if (typeof value !== 'object') return value
  const kept = Object.entries(value).flatMap(([key, sub]): [string, Json][] => {
    const tidied = withoutEmpty(sub)
    return tidied === undefined ? [] : [[key, tidied]]
  })
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

function firstDifference(want: Json | undefined, got: Json | undefined, path = ''): string | undefined {
  if (want === undefined || got === undefined) return want === got ? undefined : `${path}: want ${shown(want)}, got ${shown(got)}`
  if (deepEqual(want, got)) return undefined
  if (typeof want === 'object' && typeof got === 'object' && want !== null && got !== null && Array.isArray(want) === Array.isArray(got)) {
    const [a, b] = [want as JsonObject, got as JsonObject]
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const inner = firstDifference(a[key], b[key], `${path}/${key}`)
      if (inner !== undefined) return inner
    }
  }
  return `${path}: want ${shown(want)}, got ${shown(got)}`
}
const shown = (value: Json | undefined): string => (JSON.stringify(value) ?? 'nothing').slice(0, 120)

async function outcomesOf(world: World, { policy, object, expectation }: Check): Promise<readonly Outcome[]> {
  const key = `${policy.kind}|${policy.metadata.name}|${world.resources.indexOf(object)}|${expectation.operation ?? ''}`
  const known = world.outcomes.get(key)
  if (known !== undefined) return known
  const made = await evaluateAll(world, policy, object, expectation.operation)
  world.outcomes.set(key, made)
  return made
}

async function evaluateAll(world: World, policy: PolicyObject, object: AnyObject, operation: Request['operation']): Promise<Outcome[]> {
  const { values, exceptions } = world
  const given = values.given(policy.metadata.name ?? '', '', object)
  const namespace = object.kind === 'Namespace' ? object.metadata.name ?? '' : object.metadata.namespace ?? 'default'
  const op = (operation ?? given['request.operation'] ?? 'CREATE') as NonNullable<Request['operation']>
  const request: Request = { object, operation: op, namespaceLabels: values.namespaceLabels(namespace) ?? namespaceLabelsIn(world, namespace), ...(values.user === undefined ? {} : { user: values.user }), ...(op === 'UPDATE' || op === 'DELETE' ? { oldObject: object } : {}) }
  const source = testSource(world)
  try {
    // Upstream's CLI lets every policy mutate, in the order of the file, and validates the outcome.
    const chain = world.policies.filter((one) => !unsupportedKinds.test(one.kind))
    let current = object
    let mutated: readonly MutationResult[] = []
    let own = object
    for (const one of chain) {
      const results = await mutationResults(one, { ...request, object: current }, source, exceptions)
      current = results.at(-1)?.object ?? current
      if (one === policy) [mutated, own] = [results, current]
    }
    const after = { ...request, object: current }
    const scored = policy.metadata.annotations?.['policies.kyverno.io/scored'] !== 'false'
    const validated = await validateResource(policy, after, source, exceptions)
    return [
      ...mutated.map(({ rule, verdict, message }) => ({ rule, verdict, message, patched: own })),
      ...validated.map(({ rule, verdict, message }) => ({ rule, verdict: verdict === 'fail' && !scored ? 'warn' as const : verdict, message })),
      ...(await generationResults(policy, request, { ...source, find: async (reference) => [...world.others, ...world.resources].filter((one) => one.kind === reference.kind && (reference.name === undefined || one.metadata.name === reference.name) && (reference.namespace === undefined || (one.metadata.namespace ?? 'default') === reference.namespace) && (reference.selector === undefined || matchesLabelSelector(reference.selector as LabelSelector, one.metadata.labels ?? {}))) })).map(({ rule, verdict, message, objects }) => ({ rule, verdict, message, generated: objects })),
    ]
  } catch (error) {
    return [{ rule: '', verdict: 'error', message: messageOf(error) }]
  }
}

const namespaceLabelsIn = ({ resources }: World, name: string): Readonly<Record<string, string>> => resources.find((one) => one.kind === 'Namespace' && one.metadata.name === name)?.metadata.labels ?? {}

function testSource({ values, resources, others }: World): ContextSource {
  return {
    given: values.given,
    configMap: async (name, namespace) => [...others, ...resources].find((one) => one.kind === 'ConfigMap' && one.metadata.name === name && (one.metadata.namespace ?? 'default') === namespace) as unknown as JsonObject | undefined,
    api: async (path) => {
      throw new CodedError({ code: 'ContextFailed', message: `a test has no cluster to ask: ${path}`, where: path, remedy: 'Give the value in the variables file.' })
    },
  }
}

async function readAt(files: FileTree, path: string): Promise<AnyObject[]> {
  const entries = await files.list(path)
  if (entries === undefined) return readObjects(files, path)
  const named = entries.filter(({ name, directory }) => !directory && /\.ya?ml$|\.json$/.test(name))
  return (await Promise.all(named.map(({ name }) => readObjects(files, join(path, name))))).flat()
}

async function readObjects(files: FileTree, path: string): Promise<AnyObject[]> {
  const bytes = await files.read(path)
  if (bytes === undefined) throw new CodedError({ code: 'FileMissing', message: 'no such file', where: path })
  return parseYamlDocuments(new TextDecoder().decode(bytes)).map(({ value }) => value as unknown as AnyObject).flatMap((value) => (value === null ? [] : isList(value) ? (value['items'] as unknown as AnyObject[]) : [value]))
}

const isList = (value: AnyObject): boolean => typeof value.kind === 'string' && value.kind.endsWith('List') && Array.isArray(value['items'])

/** Joins a folder and a relative path with its `..`. Throws CodedError `PathOutside`. */
function join(folder: string, path: string): string {
  const parts = folder === '' ? [] : folder.split('/')
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) throw new CodedError({ code: 'PathOutside', message: 'the path leaves the folder of the tests', where: path })
  }
  return parts.join('/')
}
