import type { AnyObject, Json } from '@idp/formats'
import { systemClock, type FileTree } from '@idp/kit'
import type { PolicyObject } from '../kinds/policy.ts'
import { applyPolicies, applyToPayload, familyOf, type PolicyResponse, type PolicyWorld, type Registries, type RuleOutcome } from './apply-policies.ts'
import { objectDifference } from './compare-objects.ts'
import type { AdmissionBinding } from '../kinds/cel-policy.ts'
import { fileCelSource } from './cel/file-cel-source.ts'
import { fileSource } from './file-source.ts'
import { loadPolicyTests, type Expectation, type PolicyTestFile } from './test-file.ts'
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

export interface TestOptions {
  /** Chooses the results to check (the CLI's `--test-case-selector`); all without it. */
  readonly select?: (result: { readonly policy: string; readonly rule: string; readonly resources: readonly string[] }) => boolean
  /** Only these resources, by wildcard, instead of those a result names. */
  readonly resources?: readonly string[]
  /** Milliseconds since 1970; the system's clock unless given. */
  readonly now?: () => number
  /** Where images are verified and looked up; without it, only what the test's files say of images is known. */
  readonly registries?: Registries | undefined
}

/**
 * Runs one test file of the Kyverno CLI (`kyverno-test.yaml`, cli.kyverno.io/v1alpha1) with the engine that the cluster uses. Paths in it are relative to it and may not leave `files`.
 * A row is one (policy, rule, kind, resource). As with upstream's CLI, a row about a resource that the rule leaves alone passes (`excluded`), whatever it expects. Throws CodedError `InvalidTest` for a file that is no test.
 */
export async function runPolicyTest(files: FileTree, path: string, { select, resources, now = () => systemClock.now(), registries }: TestOptions = {}): Promise<TestResult> {
  const tests = await loadPolicyTests(files, path)
  const rows: TestRow[] = []
  for (const test of tests) {
    const run: Run = { test, world: worldOf(test, now, registries), responses: new Map() }
    for (const expectation of test.results) {
      const { policy = '', rule = '' } = expectation
      if (select?.({ policy, rule, resources: namesOf(expectation) ?? [] }) === false) continue
      rows.push(...(await checkExpectation(run, resources === undefined ? expectation : { ...expectation, resources })))
    }
  }
  return { name: tests.map(({ name }) => name).join(', '), rows }
}

interface Run { readonly test: PolicyTestFile; readonly world: PolicyWorld; readonly responses: Map<string, Promise<readonly PolicyResponse[]>> }

function worldOf(test: PolicyTestFile, now: () => number, registries: Registries | undefined): PolicyWorld {
  const { resources, clusterResources, values, answers, exceptions } = test
  const namespaces = new Map([...clusterResources, ...resources].flatMap((one) => (one.kind === 'Namespace' ? [[one.metadata.name ?? '', one.metadata.labels ?? {}]] : [])))
  return {
    policies: test.policies.filter(({ kind }) => !kind.endsWith('Binding')), exceptions, values,
    // Values stand for what a cluster would say; where a test brings its own cluster, that is asked.
    source: { ...fileSource({ objects: [...clusterResources, ...resources], answers, ...(test.hasValues || clusterResources.length === 0 ? { given: values.given } : {}) }), ...(registries === undefined ? {} : { imageData: registries.imageData }) },
    ...(registries === undefined ? {} : { trust: registries.trust }),
    cel: {
      exceptions: test.celExceptions, bindings: test.policies.filter(({ kind }) => kind.endsWith('Binding')) as unknown as AdmissionBinding[], parameters: test.params,
      source: { ...fileCelSource({ objects: [...clusterResources, ...resources], answers, images: test.images, globalContext: test.globalContext, values, now }), ...registries?.cel },
    },
    namespaceLabels: (name) => values.namespaceLabels(name) ?? namespaces.get(name) ?? {},
  }
}

const namesOf = ({ resources, resource }: Expectation): readonly string[] | undefined => resources ?? (resource === undefined ? undefined : [resource])

async function checkExpectation(run: Run, expectation: Expectation): Promise<TestRow[]> {
  const { test } = run
  const { policy: wanted = '', rule = '', kind = '' } = expectation
  const expected = expectation.result ?? expectation.status ?? 'pass'
  const row = (resource: string, actual: TestRow['actual'], passed: boolean, message: string): TestRow => ({ policy: wanted, rule, kind, resource, expected, actual, passed, message })
  const names = namesOf(expectation)
  const policy = test.policies.find(({ kind, metadata }) => !kind.endsWith('Binding') && metadata.name === wanted.split('/').at(-1))
  if (policy === undefined) return (names ?? ['*']).map((name) => row(name, 'missing', false, `no policy '${wanted}' in the files`))
  const rows: TestRow[] = []
  const payloads = kind === '' ? test.payloads.filter(({ name }) => names === undefined || names.includes(name)) : []
  for (const { name, value, mode } of payloads) rows.push(await checkOne(run, { policy, object: value as unknown as AnyObject, expectation, expected, payload: { value, mode } }, (actual, passed, message) => row(name, actual, passed, message)))
  if (payloads.length > 0) return rows
  for (const { name, objects } of subjects(test, expectation)) {
    if (objects.length === 0) rows.push(row(name, 'missing', false, `no resource '${name}' of kind ${kind} in the files`))
    for (const object of objects) rows.push(await checkOne(run, { policy, object, expectation, expected }, (actual, passed, message) => row(name, actual, passed, message)))
  }
  return rows
}

/** The resources a result is about: those it names, or every one of its kind. A name without a namespace means every resource of the name. */
function subjects({ resources }: PolicyTestFile, expectation: Expectation): { name: string; objects: readonly AnyObject[] }[] {
  const { kind = '', resourceSpecs = [] } = expectation
  const ofKind = resources.filter((one) => kind === '' || one.kind.toLowerCase() === (kind.split('/').at(-1) ?? '').toLowerCase())
  const names = namesOf(expectation)
  if (names === undefined && resourceSpecs.length === 0) {
    const all = [...new Set(resources.filter((one) => kind === '' || one.kind === kind).map(({ metadata }) => `${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`))]
    return all.map((name) => ({ name, objects: named(ofKind, name) }))
  }
  const specified = resourceSpecs.map(({ group = '', version = '', namespace = '', name = '' }) => ({
    name: namespace === '' ? name : `${namespace}/${name}`,
    objects: resources.filter((one) => one.apiVersion === (group === '' ? version : `${group}/${version}`) && one.metadata.name === name && (one.metadata.namespace ?? '') === namespace),
  }))
  return [...[...new Set(names ?? [])].map((name) => ({ name, objects: named(ofKind, name) })), ...specified]
}

function named(resources: readonly AnyObject[], reference: string): readonly AnyObject[] {
  const [namespace, name] = reference.includes('/') ? reference.split('/') : [undefined, reference]
  return resources.filter((one) => one.metadata.name === name && (namespace === undefined || (one.metadata.namespace ?? 'default') === namespace))
}

interface Check { readonly policy: PolicyObject; readonly object: AnyObject; readonly expectation: Expectation; readonly expected: string; readonly payload?: { readonly value: Json; readonly mode: string } }
type RowMaker = (actual: TestRow['actual'], passed: boolean, message: string) => TestRow
/** A rule's outcome with the resource as its policy left it. */
interface Found extends RuleOutcome { readonly patched: AnyObject }

async function checkOne(run: Run, check: Check, row: RowMaker): Promise<TestRow> {
  const { policy, object, expectation, expected, payload } = check
  const { rule = '' } = expectation
  const found = (await (payload === undefined ? responsesOf(run, object, expectation.operation) : applyToPayload(run.world, payload.value, payload.mode))).filter((one) => one.policy === policy)
    .flatMap(({ rules, patched }): Found[] => rules.map((one) => ({ ...one, patched }))).filter((one) => familyOf(policy) !== undefined || isNamed(one.rule, rule))
  const [first] = found
  if (first === undefined) return row('excluded', true, 'excluded: no rule of that name is about the resource')
  const difference = await compareFiles(run.test, check, found)
  // A row may expect that the patched resource is not the one in the file.
  if (expected === 'fail' && difference !== undefined) return row('fail', true, 'the resource is not as in the file')
  const wrong = found.find(({ verdict }) => verdict !== expected)
  if (wrong !== undefined) return row(wrong.verdict, false, `want ${expected}, got ${wrong.verdict}: ${wrong.message}`)
  return difference === undefined ? row(first.verdict, true, first.message) : row(first.verdict, false, difference)
}

const isNamed = (rule: string, wanted: string): boolean => wanted === '' || rule === '' || rule === wanted || rule === `autogen-${wanted}`.slice(0, 63) || rule === `autogen-cronjob-${wanted}`.slice(0, 63)

/** One evaluation per resource and operation, whatever the number of results about it. */
function responsesOf({ world, test, responses }: Run, object: AnyObject, operation: Expectation['operation']): Promise<readonly PolicyResponse[]> {
  const key = `${test.resources.indexOf(object)}|${operation ?? ''}`
  const known = responses.get(key) ?? applyPolicies(world, object, operation)
  responses.set(key, known)
  return known
}

/** The patched or generated objects that the row names files for, held against what came out; undefined when they are the same. */
async function compareFiles(test: PolicyTestFile, { expectation, expected, object }: Check, found: readonly Found[]): Promise<string | undefined> {
  const { patchedResources, patchedResource, generatedResource, generatedResources } = expectation
  const patchFile = patchedResources ?? patchedResource
  const patched = found.filter(({ type }) => type === 'Mutation').at(-1)?.patched
  if (patchFile !== undefined && patched !== undefined) {
    const wanted = named(await test.read(patchFile), `${object.metadata.namespace === undefined ? '' : `${object.metadata.namespace}/`}${object.metadata.name ?? ''}`).find(({ kind }) => kind === object.kind)
    // Upstream passes over resources that the file does not hold, unless the row expects a difference.
    if (wanted === undefined) return expected === 'fail' ? 'the file does not hold the resource' : undefined
    const difference = objectDifference(wanted, patched)
    if (difference !== undefined) return `patched resource differs at ${difference}`
  }
  const generatedFiles = generatedResources ?? (generatedResource === undefined ? [] : [generatedResource])
  if (generatedFiles.length === 0) return undefined
  const wanted = (await Promise.all(generatedFiles.map((file) => test.read(file)))).flat()
  for (const made of found.flatMap(({ generated = [] }) => generated)) {
    const alike = wanted.filter((one) => one.kind === made.kind && one.metadata.name === made.metadata.name)
    const same = alike.find((one) => one.metadata.namespace === made.metadata.namespace) ?? alike[0]
    if (same === undefined) return `generated ${made.kind} ${made.metadata.name ?? ''} is not in ${generatedFiles.join(', ')}`
    const difference = objectDifference(same, made)
    if (difference !== undefined) return `generated resource differs at ${difference}`
  }
  return undefined
}
