import { Command, InvalidArgumentError, Option } from 'commander'
import type { Clock } from '@idp/kit'
import type { CommandContext } from './context.ts'
import { dataRoot } from './data-directory.ts'
import { jsonReport } from './output/report.ts'
import { textReport } from './output/text-report.ts'

/** What the command line takes from the process it runs in. */
export interface ProgramEnvironment {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number }
}

interface Flags { name?: string; dataDir?: string; output: string; debug?: boolean; [flag: string]: unknown }

/** One command: its words, its flags, an example, and what runs (loaded when it is called, so that each starts fast). */
interface CommandRow {
  readonly words: string
  readonly summary: string
  readonly example: string
  readonly options?: readonly Option[]
  /** Forms besides text and json. */
  readonly outputs?: readonly string[]
  run(context: CommandContext, args: readonly string[], flags: Flags): Promise<void>
}

const whole = (least: number, most: number, what: string) => (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new InvalidArgumentError(`It must be ${what} from ${least} to ${most}.`)
}
const port = (flags: string, what: string) => new Option(flags, what).argParser(whole(1, 65_535, 'a port'))
const engines = new Option('--engine <engine>', 'embedded (the default): in one Node process; kubeconfig: any cluster; k3d: a k3d cluster made for it').choices(['embedded', 'kubeconfig', 'k3d'])
const upOptions = [
  engines, new Option('--context <name>', 'with --engine kubeconfig: the context to use'), new Option('--kubeconfig <file>', 'where that context is ($KUBECONFIG, ~/.kube/config)'),
  new Option('--gateway-address <host>', 'where the gateway of that cluster answers (a node)'), new Option('--charts <source>', "upstream, stand-in, or the URL of a repository with copies (upstream; the embedded engine's are the stand-ins)"), port('--https-port <port>', 'port of the gateway on this machine (30443)'),
  port('--http-port <port>', 'its plain HTTP port, which redirects (30080)'), port('--api-port <port>', 'port of the Kubernetes API (a free one)'),
  new Option('--foreground', 'keep the engine in this process until Ctrl-C'), new Option('--timeout <seconds>', 'give up after this long').argParser(whole(1, 86_400, 'a number of seconds')).default(600),
]

const rows: readonly CommandRow[] = [
  { words: 'up [repository]', summary: 'start engine and platform, wait until every Application is Synced and Healthy', example: 'idp up', options: upOptions, run: async (c, [repository], f) => (await import('./commands/up.ts')).up(c, { repository, ...f } as never) },
  { words: 'status', summary: 'what is healthy; for what is not, the cause', example: 'idp status', run: async (c) => (await import('./commands/status.ts')).status(c) },
  { words: 'doctor', summary: 'what is not healthy: the chain of causes down to the root, and the remedy', example: 'idp doctor', run: async (c) => (await import('./commands/doctor.ts')).doctor(c) },
  { words: 'diagram [view] [application]', summary: 'draw the architecture from the live state: platform, traffic, secrets, certificates, control-loops, application NAME', example: 'idp diagram traffic --format svg --output-file traffic.svg', options: [new Option('--format <format>', 'the language it is drawn in').choices(['d2', 'mermaid', 'svg']).default('d2'), new Option('--output-file <file>', 'write it there')], run: async (c, args, f) => (await import('./commands/diagram.ts')).diagram(c, args, f as never) },
  { words: 'console', summary: 'watch the platform live in a browser: the architecture, Applications, problems, what happens now', example: 'idp console --port 9090', options: [port('--port <port>', 'where it listens on 127.0.0.1 (a free one)'), new Option('--open', 'open the link in the browser'), new Option('--print', 'print the link alone'), new Option('--verdicts <file>', "what 'idp verify --output json' was written to (verify.json beside the cluster's state)"), new Option('--for <seconds>', 'end by itself after this long').argParser(whole(1, 86_400, 'a number of seconds'))], run: async (c, _a, f) => (await import('./commands/console.ts')).consoleOf(c, f as never) },
  { words: 'verify', summary: "prove each arrow of the architecture diagrams against the running platform", example: 'idp verify --output json', options: [new Option('--diagram <name...>', 'only these diagrams')], run: async (c, _a, f) => (await import('./commands/verify.ts')).verifyPlatform(c, f as never) },
  { words: 'preview [range] [repository]', summary: 'what a change does before it is merged: Applications, objects, admission', example: 'idp preview main..my-branch --output markdown', outputs: ['markdown'], options: [new Option('--worktree', 'what is not committed yet, against HEAD or the given commit'), new Option('--charts <source>', 'stand-in, upstream, or the URL of a repository with copies').default('stand-in'), new Option('--repo-url <url...>', 'more URLs under which Applications name this repository')], run: async (c, words, f) => (await import('./commands/preview.ts')).previewChange(c, words, f as never) },
  { words: 'test [repository]', summary: "the repository's acceptance tests, on a throw-away cluster", example: 'idp test --output junit > results.xml', outputs: ['junit'], options: [new Option('--only <what...>', "render, policy, cluster, verify, tests, or names of the repository's own tests"), new Option('--running', "run the repository's own tests on the cluster that runs already"), new Option('--charts <source>', 'stand-in, upstream, or the URL of a repository with copies').default('stand-in'), new Option('--timeout <seconds>', 'for each step of bringing the platform up').argParser(whole(1, 86_400, 'a number of seconds')).default(300)], run: async (c, words, f) => (await import('./commands/test.ts')).testRepository(c, words, f as never) },
  { words: 'open <name>', summary: 'open the page of an application in the browser', example: 'idp open argocd --print', options: [new Option('--print', 'print the URL instead (for git: one with credentials)')], run: async (c, [name = ''], f) => (await import('./commands/open.ts')).open(c, name, f as never) },
  { words: 'secret <name>', summary: 'print user and password of an application', example: 'idp secret argocd', run: async (c, [name = '']) => (await import('./commands/secret.ts')).secret(c, name) },
  { words: 'logs <pod> [container]', summary: 'print the log of a pod or of the engine itself', example: 'idp logs argocd/argocd-server --follow', options: [new Option('-f, --follow', 'keep printing'), new Option('--tail <lines>', 'only the last lines').argParser(whole(0, 10_000_000, 'a number of lines')), new Option('--previous', 'of the instance before')], run: async (c, [pod = '', container], f) => (await import('./commands/logs.ts')).logs(c, { pod, container, ...f } as never) },
  { words: 'kubeconfig', summary: 'print a kubeconfig for kubectl', example: 'idp kubeconfig > ~/.kube/idp && KUBECONFIG=~/.kube/idp kubectl get pods -A', run: async (c) => (await import('./commands/kubeconfig.ts')).kubeconfig(c) },
  { words: 'trust', summary: "let this user's browsers and programs trust the CA of the cluster", example: 'idp trust', options: [new Option('--remove', 'take it out again'), new Option('--print', 'print the certificate and change nothing')], run: async (c, _a, f) => (await import('./commands/trust.ts')).trust(c, f as never) },
  { words: 'render <what> [rest...]', summary: 'render a Helm chart or a kustomization (flags of helm template and kustomize build)', example: 'idp render kustomize blueprint/IT/gateway', options: [], run: async (c, [what = '', ...rest]) => (await import('./commands/render.ts')).render(c, what, rest) },
  { words: 'init <directory>', summary: 'write a new platform repository', example: 'idp init my-platform', run: async (c, [directory = '']) => (await import('./commands/init.ts')).init(c, directory) },
  { words: 'down', summary: 'stop the engine; state stays', example: 'idp down', run: async (c) => (await import('./commands/down.ts')).down(c) },
  { words: 'destroy', summary: 'stop the engine and remove everything', example: 'idp destroy --yes', options: [new Option('-y, --yes', 'ask nothing')], run: async (c, _a, f) => (await import('./commands/down.ts')).destroy(c, { yes: f['yes'] === true }) },
  { words: 'version', summary: 'print versions', example: 'idp version --output json', run: async (c) => (await import('./commands/version.ts')).version(c) },
]

const clusterRows: readonly CommandRow[] = [
  { words: 'up', summary: 'start a bare cluster without a platform', example: 'idp cluster up --name test', options: upOptions.filter((o) => !['--engine', '--context', '--kubeconfig', '--gateway-address', '--charts'].includes(o.long ?? '')), run: async (c, _a, f) => (await import('./commands/cluster-up.ts')).clusterUp(c, f as never) },
  { words: 'down', summary: 'stop it; state stays', example: 'idp cluster down --name test', run: async (c) => (await import('./commands/down.ts')).down(c) },
]

/** The command line. Throws CommanderError for wrong usage, CodedError and ApiError for what went wrong. */
export function buildProgram(environment: ProgramEnvironment): Command {
  const program = root('idp').description('An Internal Developer Platform that starts with one command from nothing but Node.')
  for (const row of rows) add(program, row, environment)
  const cluster = root('cluster').description('the embedded cluster on its own, for tests and tools')
  for (const row of clusterRows) add(cluster, row, environment)
  program.addCommand(cluster)
  // The Kyverno CLI's flags (-n, -o, -f) mean other things than ours: these commands read all of theirs themselves.
  program.addCommand(root('policy').summary('test and apply Kyverno policies without a cluster').argument('[words...]').helpOption(false).allowUnknownOption().passThroughOptions()
    .action(async (words: string[]) => (await import('./commands/policy.ts')).policy((flags) => contextOf({ ...flags, output: 'text' }, environment), words)))
  return program
}

const root = (name: string): Command => new Command(name).exitOverride().enablePositionalOptions().showHelpAfterError('(add --help for what is possible)').showSuggestionAfterError()

function add(parent: Command, row: CommandRow, environment: ProgramEnvironment): void {
  const command = parent.command(row.words).summary(row.summary).description(row.summary).addHelpText('after', `\nExample:\n  ${row.example}`)
    .exitOverride().showHelpAfterError('(add --help for what is possible)')
    .option('-n, --name <cluster>', 'which cluster (the only one, or the name in idp.config.ts)').option('--data-dir <directory>', 'where clusters keep their state')
    .addOption(new Option('-o, --output <form>', 'text for people, json for machines').choices(['text', 'json', ...(row.outputs ?? [])]).default('text')).option('--debug', 'stack traces')
  for (const option of row.options ?? []) command.addOption(option)
  if (row.words.startsWith('render')) command.allowUnknownOption().passThroughOptions()
  command.action(async (...received: unknown[]) => {
    const args = command.processedArgs.flatMap((arg) => (Array.isArray(arg) ? (arg as string[]) : arg === undefined ? [] : [String(arg)]))
    const flags = received.at(-2) as Flags
    await row.run(contextOf(flags, environment), args, flags)
  })
}

function contextOf(flags: Flags, { environment, platform, clock, signal, stdout }: ProgramEnvironment): CommandContext {
  const write = (text: string) => void stdout.write(text)
  const tty = stdout.isTTY === true
  return {
    clock, signal, tty, debug: flags.debug === true, name: flags.name, root: flags.dataDir ?? dataRoot(environment, platform),
    report: flags.output === 'json' ? jsonReport(write) : textReport({ write, tty, columns: stdout.columns ?? 120, colour: tty && environment['NO_COLOR'] === undefined }),
  }
}
