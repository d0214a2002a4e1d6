import type { IncrementalTest, IncrementalTestSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import { getCheckingSuite, getComprehensionSuite, getConformanceSuite, getParsingSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import {
  type CelFunction, signature, type CelEnvironment, type CelEnvironmentOptions, celEnvironment, CelCompileError, compileCel, dynType, encodersLibrary, extendedListsLibrary, mathLibrary, optionalLibrary, setsLibrary, standardLibrary, stringsLibrary, type CelValue,
} from '@idp/lang-cel'
import { messageOf } from '@idp/kit'
import { checkPublicRules } from './public-rules.ts'
import { knownGaps } from './known-gaps.ts'
import { needsProtobuf } from './needs-protobuf.ts'
import { fromSpecType, fromSpecValue, sameAsSpec } from './spec-value.ts'

export interface SuiteResult { readonly suite: string; readonly passed: number; readonly total: number; readonly failures: { readonly name: string; readonly reason: string }[]; readonly [figure: string]: unknown }

const base: CelEnvironmentOptions = { libraries: [standardLibrary, optionalLibrary, stringsLibrary, mathLibrary, setsLibrary, encodersLibrary, extendedListsLibrary] }

/**
 * Runs the language's own conformance cases, which the npm package @bufbuild/cel-spec carries: values and errors of expressions, and what
 * parses and checks. Cases that need protobuf messages are counted apart (`protobuf`): Kubernetes has none in CEL; so are those whose data does not
 * say what is wanted (`notJudged`). `--only TEXT` picks by name. `--crds DIR…` checks the rules of all CustomResourceDefinitions below the folders instead.
 */
export async function run(args: readonly string[]): Promise<SuiteResult> {
  if (args.includes('--crds')) return checkPublicRules(args.slice(args.indexOf('--crds') + 1).filter((word) => !word.startsWith('--')))
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] ?? '' : ''
  const failures: { name: string; reason: string }[] = []
  const protobuf = { passed: 0, total: 0 }
  let total = 0
  let notJudged = 0
  const each = (name: string, test: IncrementalTest, check: (test: IncrementalTest) => Verdict) => {
    if (!name.includes(only)) return
    const reason = guarded(() => check(test))
    if (needsProtobuf(test)) {
      protobuf.total++
      if (reason === undefined) protobuf.passed++
      return
    }
    if (reason === unjudged) {
      notJudged++
      return
    }
    total++
    if (reason !== undefined) failures.push({ name, reason: knownGaps[name] ? `${reason} (known: ${knownGaps[name]})` : reason })
  }
  for (const [name, test] of cases(getConformanceSuite())) each(name, test, checkConformance)
  for (const [name, test] of cases(getParsingSuite())) each(name, test, checkParsing)
  for (const [name, test] of cases(getCheckingSuite())) each(name, test, checkChecking)
  for (const [name, test] of cases(getComprehensionSuite())) each(name, test, checkComprehension)
  return { suite: 'cel', passed: total - failures.length, total, failures, protobuf, notJudged }
}

function* cases(suite: IncrementalTestSuite, path = suite.name): Generator<readonly [string, IncrementalTest]> {
  for (const inner of suite.suites) yield* cases(inner, `${path}/${inner.name}`)
  for (const test of suite.tests) yield [`${path}/${test.name}`, test]
}

/** Undefined when a case passes, else why it does not. */
type Verdict = string | undefined | typeof unjudged

function guarded(check: () => Verdict): Verdict {
  try {
    return check()
  } catch (error) {
    return `threw ${messageOf(error)}`
  }
}

const standard = celEnvironment({ ...base, macros: { block: true } })

function environmentOf({ original }: IncrementalTest): CelEnvironment {
  const variables = Object.fromEntries(original.typeEnv.flatMap(({ name, declKind }) => declKind.case === 'ident' ? [[name, declKind.value.type ? fromSpecType(declKind.value.type) : dynType]] : []))
  const functions = original.typeEnv.flatMap(({ name, declKind }): CelFunction[] => declKind.case === 'function'
    ? [{ name, overloads: declKind.value.overloads.map((one) => signature(one.params.map(fromSpecType), one.resultType ? fromSpecType(one.resultType) : dynType, one.isInstanceFunction ? 'member' : 'global')) }] : [])
  return standard.extend({ variables, libraries: [{ name: 'declared', functions }], container: original.container, check: !original.disableCheck, macros: { noMacros: original.disableMacros } })
}

function checkConformance(test: IncrementalTest): Verdict {
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

const unjudged = Symbol('the data does not say what is wanted')

/** What cel-go's parser takes and refuses; names are not looked up. The options of upstream's test are read off the error it wants. */
function checkParsing(test: IncrementalTest): Verdict {
  const wanted = test.ast === undefined ? test.error ?? '' : undefined
  const macros = wanted?.includes('unsupported syntax') ? { optionals: false, quotedNames: false } : wanted?.includes('recursion') ? { maxDepth: 32 } : {}
  const got = compiles(test, standard.extend({ check: false, macros }))
  if ((wanted !== undefined) === ('error' in got)) return undefined
  return wanted === undefined ? `refused: ${'error' in got ? got.error : ''}` : `want ${wanted}`
}

/** The type of an expression, or that it has an error. The variables and functions that upstream declares are not in the data: such cases are not judged. */
function checkChecking(test: IncrementalTest): Verdict {
  const got = compiles(test, celEnvironment({ libraries: [standardLibrary], macros: { bind: false, optionals: false, twoVariables: false } }))
  if (test.type === undefined) return 'error' in got ? undefined : `want ${test.error?.split('\n', 1)[0]}`
  if ('error' in got) return got.error.includes('undeclared reference') ? unjudged : `refused: ${got.error.split('\n', 1)[0]}`
  return got.type === test.type ? undefined : `want type ${test.type}, got ${got.type}`
}

/** Upstream's cases for the macros of two variables: a claim must hold. What is refused or no claim is not judged, for the data does not say what is wanted. */
function checkComprehension(test: IncrementalTest): Verdict {
  if ('error' in compiles(test, standard)) return unjudged
  const outcome = compileCel(test.original.expr, standard).run({})
  return typeof outcome.value !== 'boolean' ? unjudged : outcome.value ? undefined : 'want true'
}
