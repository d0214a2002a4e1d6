import type { IncrementalTest, IncrementalTestSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import { getCheckingSuite, getComprehensionSuite, getConformanceSuite, getParsingSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import {
  type CelEnvironment, type CelEnvironmentOptions, celEnvironment, CelCompileError, compileCel, dynType, encodersLibrary, mathLibrary, optionalLibrary, setsLibrary, standardLibrary, stringsLibrary, type CelValue,
} from '@idp/lang-cel'
import { messageOf } from '@idp/kit'
import { knownGaps } from './known-gaps.ts'
import { needsProtobuf } from './needs-protobuf.ts'
import { fromSpecType, fromSpecValue, sameAsSpec } from './spec-value.ts'

export interface SuiteResult { readonly suite: string; readonly passed: number; readonly total: number; readonly failures: { readonly name: string; readonly reason: string }[]; readonly [figure: string]: unknown }

const base: CelEnvironmentOptions = { libraries: [standardLibrary, optionalLibrary, stringsLibrary, mathLibrary, setsLibrary, encodersLibrary] }

/**
 * Runs the language's own conformance cases, which the npm package @bufbuild/cel-spec carries: values and errors of expressions, and what
 * parses and checks. Cases that need protobuf messages are counted apart (`protobuf`): Kubernetes has none in CEL. `--only TEXT` picks by name.
 */
export async function run(args: readonly string[]): Promise<SuiteResult> {
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] ?? '' : ''
  const failures: { name: string; reason: string }[] = []
  const protobuf = { passed: 0, total: 0 }
  let total = 0
  const each = (name: string, test: IncrementalTest, check: (test: IncrementalTest) => string | undefined) => {
    if (!name.includes(only)) return
    const reason = guarded(() => check(test))
    if (needsProtobuf(test)) {
      protobuf.total++
      if (reason === undefined) protobuf.passed++
      return
    }
    total++
    if (reason !== undefined) failures.push({ name, reason: knownGaps[name] ? `${reason} (known: ${knownGaps[name]})` : reason })
  }
  for (const [name, test] of cases(getConformanceSuite())) each(name, test, checkConformance)
  for (const [name, test] of cases(getParsingSuite())) each(name, test, checkParsing)
  for (const [name, test] of cases(getCheckingSuite())) each(name, test, checkChecking)
  for (const [name, test] of cases(getComprehensionSuite())) each(name, test, checkComprehension)
  return { suite: 'cel', passed: total - failures.length, total, failures, protobuf }
}

function* cases(suite: IncrementalTestSuite, path = suite.name): Generator<readonly [string, IncrementalTest]> {
  for (const inner of suite.suites) yield* cases(inner, `${path}/${inner.name}`)
  for (const test of suite.tests) yield [`${path}/${test.name}`, test]
}

function guarded(check: () => string | undefined): string | undefined {
  try {
    return check()
  } catch (error) {
    return `threw ${messageOf(error)}`
  }
}

const standard = celEnvironment({ ...base, macros: { block: true } })

function environmentOf({ original }: IncrementalTest): CelEnvironment {
  const variables = Object.fromEntries(original.typeEnv.flatMap(({ name, declKind }) => declKind.case === 'ident' ? [[name, declKind.value.type ? fromSpecType(declKind.value.type) : dynType]] : []))
  return standard.extend({ variables, container: original.container, check: !original.disableCheck, macros: { noMacros: original.disableMacros } })
}

function checkConformance(test: IncrementalTest): string | undefined {
  const { original } = test
  const { resultMatcher: want } = original
  const variables: Record<string, CelValue> = {}
  for (const name in original.bindings) {
    const bound = original.bindings[name]
    if (bound?.kind.case === 'value') variables[name] = fromSpecValue(bound.kind.value)
  }
  const wantsError = want.case === 'evalError' || want.case === 'anyEvalErrors'
  let program
  try {
    program = compileCel(original.expr, environmentOf(test))
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    return wantsError ? undefined : `refused: ${error.message.split('\n', 1)[0]}`
  }
  if (want.case === 'typedResult' && want.value.deducedType) {
    const type = fromSpecType(want.value.deducedType).text
    if (program.type.text !== type) return `want type ${type}, got ${program.type.text}`
  }
  if (original.checkOnly) return undefined
  const outcome = program.run(variables)
  if (outcome.error) return wantsError ? undefined : `failed: ${outcome.error.message}`
  if (wantsError) return 'want an error'
  if (want.case === 'unknown' || want.case === 'anyUnknowns') return 'unknown values are not supported'
  const value = want.case === 'value' ? want.value : want.case === 'typedResult' ? want.value.result : undefined
  if (want.case === 'typedResult' && !value) return undefined
  return value ? sameAsSpec(outcome.value, value) : outcome.value === true ? undefined : 'want true'
}

function compiles(test: IncrementalTest, environment: CelEnvironment): { type: string } | { error: string } {
  try {
    return { type: compileCel(test.original.expr, environment).type.text }
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    return { error: error.message }
  }
}

/** What cel-go's parser takes and refuses; names are not looked up. */
function checkParsing(test: IncrementalTest): string | undefined {
  const got = compiles(test, standard.extend({ check: false }))
  const wantsError = test.ast === undefined
  if (wantsError === ('error' in got)) return undefined
  return wantsError ? `want ${test.error}` : `refused: ${'error' in got ? got.error : ''}`
}

/** The type of an expression, or that it has an error, in an environment without variables. */
function checkChecking(test: IncrementalTest): string | undefined {
  const got = compiles(test, celEnvironment({ libraries: [standardLibrary], macros: { bind: false, optionals: false, twoVariables: false } }))
  if (test.type === undefined) return 'error' in got ? undefined : `want ${test.error?.split('\n', 1)[0]}`
  return 'error' in got ? `refused: ${got.error.split('\n', 1)[0]}` : got.type === test.type ? undefined : `want type ${test.type}, got ${got.type}`
}

/** Upstream's cases for the macros of two variables are claims that hold, or expressions that are refused; the data does not say which. */
function checkComprehension(test: IncrementalTest): string | undefined {
  const program = compileCel(test.original.expr, standard)
  const outcome = program.run({})
  return outcome.error ? `failed: ${outcome.error.message}` : outcome.value === true ? undefined : 'want true'
}
