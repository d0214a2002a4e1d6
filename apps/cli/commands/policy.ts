import { Command, InvalidArgumentError } from 'commander'
import { applyCommand, type ApplyFlags } from '../policy/apply-command.ts'
import { runTests, type TestFlags } from '../policy/run-tests.ts'
import type { CommandContext } from '../context.ts'

/** What the policy commands are given: a context for the flags that every command takes. */
export type ContextMaker = (flags: { readonly name?: string; readonly dataDir?: string; readonly debug?: boolean }) => CommandContext

/** `idp policy test DIR…` and `idp policy apply POLICY…`, with the Kyverno CLI's flags. */
export async function policy(contextFor: ContextMaker, words: readonly string[]): Promise<void> {
  const command = new Command('idp policy').description('Kyverno policies without a cluster, by the engine that the cluster uses').exitOverride().showHelpAfterError('(add --help for what is possible)').showSuggestionAfterError()
  command.addCommand(testCommand(contextFor))
  command.addCommand(applyProgram(contextFor))
  await command.parseAsync([...words], { from: 'user' })
}

const repeated = (value: string, all: readonly string[]): readonly string[] => [...all, ...value.split(',')]
const code = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= 255) return value
  throw new InvalidArgumentError('It must be an exit code from 0 to 255.')
}

function base(name: string): Command {
  return new Command(name).exitOverride().showHelpAfterError('(add --help for what is possible)').option('--debug', 'stack traces')
}

function testCommand(contextFor: ContextMaker): Command {
  return base('test').description('run Kyverno CLI test files').argument('<directories...>', 'where kyverno-test.yaml files are, at any depth')
    .option('-f, --file-name <name>', 'name of the test files', 'kyverno-test.yaml').option('-t, --test-case-selector <selector>', 'policy=P,rule=R,resource=X, with wildcards')
    .option('--output <form>', 'table, json, yaml, markdown or junit (json: one document {rows, broken, passed, failed})').option('-o, --output-format <form>', "the same in the Kyverno CLI's shapes")
    .option('--fail-only', 'only what failed').option('--detailed-results', 'with what each rule says').option('--remove-color', 'no colours')
    .option('--registry', 'ask registries for images and their signatures')
    .option('--require-tests', 'kept for compatibility: a directory without tests is always a failure').option('-n, --name <cluster>', 'not used: a test needs no cluster').option('--data-dir <directory>', 'not used')
    .addHelpText('after', '\nExample:\n  idp policy test blueprint/Policies\n  idp policy test . --test-case-selector policy=require-*,resource=web --output junit > results.xml')
    .action((directories: string[], flags: TestFlags & { debug?: boolean }) => runTests(contextFor(flags), directories, flags))
}

function applyProgram(contextFor: ContextMaker): Command {
  return base('apply').description('apply policies to resources and print what they say').argument('<policies...>', "files or folders with policies, or - for standard input")
    .option('-r, --resource <path>', 'files or folders with resources, or - (repeatable)', repeated, []).option('--resources <path>', 'the same')
    .option('--json <path>', 'payloads that are no Kubernetes objects, for policies that look at JSON (repeatable)', repeated, []).option('--http-payload <path>', 'HTTP requests, for policies that look at those (repeatable)', repeated, []).option('--envoy-payload <path>', "Envoy's check requests (repeatable)", repeated, []).option('--context-file <file>', 'resources and image data that CEL policies ask for').option('--context-path <file>', 'the same')
    .option('--parameter-resource <path>', 'parameters of admission policies (repeatable)', repeated, [])
    .option('-c, --cluster', 'the resources of a cluster').option('--kubeconfig <file>', "of that cluster (idp's own, else $KUBECONFIG)").option('--context <name>', 'its context').option('-n, --namespace <namespace>', 'with --cluster: only of this namespace')
    .option('-s, --set <variables>', 'NAME=VALUE,… for variables', repeated, []).option('-f, --values-file <file>', 'values for variables (kind Values)').option('-u, --userinfo <file>', 'who asks (kind UserInfo)')
    .option('--registry', 'ask registries for images and their signatures').option('-p, --policy-report', 'print reports').option('--output-format <form>', 'yaml or json, for reports and exceptions', 'yaml').option('-o, --output <path>', 'write mutated and generated resources to this file or folder')
    .option('-i, --stdin', 'print only the changed resources, to pipe them on').option('--audit-warn', 'failures that only audit are warnings').option('--warn-exit-code <code>', 'exit code for warnings', code, 0)
    .option('--warn-no-pass', 'the same code when nothing passed').option('-t, --table', 'results as a table').option('--detailed-results', 'with what each rule says').option('--remove-color', 'no colours')
    .option('-e, --exception <path>', 'PolicyExceptions (repeatable)', repeated, []).option('--exceptions <path>', 'the same').option('--exceptions-within-resources', 'exceptions among the resources').option('--exceptions-with-resources', 'the same')
    .option('--exceptions-within-policies', 'exceptions among the policies').option('--generate-exceptions', 'print a PolicyException for each failure').option('--generated-exception-ttl <duration>', 'how long they hold', '720h')
    .option('--target-resource <path>', 'resources that mutate-existing rules change (repeatable)', repeated, []).option('--target-resources <path>', 'the same').option('--continue-on-fail', 'kept for compatibility: every resource is always looked at')
    .option('--name <cluster>', "which of idp's clusters, with --cluster").option('--data-dir <directory>', 'where clusters keep their state')
    .addHelpText('after', '\nExample:\n  idp policy apply blueprint/Policies/policies --resource deployment.yaml\n  idp policy apply require-limits.yaml --cluster --table\n  cat pod.yaml | idp policy apply add-labels.yaml --resource - --stdin | kubectl apply -f -\n\nExit codes: 0 nothing violated, 1 violations or errors, --warn-exit-code for warnings, 2 wrong usage')
    .action((policies: string[], flags: ApplyFlags & Plurals) => applyCommand(contextFor(flags as never), policies, joined(flags)))
}

interface Plurals { readonly resources?: string; readonly exceptions?: string; readonly targetResources?: string; readonly exceptionsWithResources?: boolean; readonly contextPath?: string }

/** Flags that upstream has under two names, as one. */
function joined({ resources, exceptions, targetResources, exceptionsWithResources, contextPath, ...flags }: ApplyFlags & Plurals): ApplyFlags {
  const more = (given: readonly string[], other: string | undefined): readonly string[] => (other === undefined ? given : [...given, ...other.split(',')])
  return {
    ...flags, resource: more(flags.resource, resources), exception: more(flags.exception, exceptions), targetResource: more(flags.targetResource, targetResources),
    ...(contextPath === undefined ? {} : { contextFile: contextPath }), ...(exceptionsWithResources === true ? { exceptionsWithinResources: true } : {}),
  }
}
