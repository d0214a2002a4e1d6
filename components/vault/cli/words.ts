import { CliError } from './cli-error.ts'

/** A command line in parts. Flags have one or two dashes, and their value after `=`, or as the next word where a flag needs one. */
export interface Words {
  readonly env: Readonly<Record<string, string>>
  /** Words that are no flags. */
  readonly positional: readonly string[]
  readonly flags: ReadonlyMap<string, string>
}

const withValue: ReadonlySet<string> = new Set([
  'address', 'format', 'field', 'mount', 'version', 'versions', 'cas', 'method', 'path', 'ttl', 'period', 'policy', 'key-shares', 'key-threshold', 'explicit-max-ttl', 'display-name', 'id', 'accessor', 'wrap-ttl', 'description', 'custom-metadata', 'max-versions', 'increment',
])

/**
 * The words of an exec: `vault …`, `env NAME=value vault …`, or `sh -c` with one such command in it. There is no shell: quotes are understood, and
 * whatever else a shell would do (pipes, variables, several commands) is refused by name.
 */
export function parseCommand(command: readonly string[]): Words {
  const script = /(^|\/)(sh|bash|ash)$/.test(command[0] ?? '') && /^-\w*c$/.test(command[1] ?? '') ? command[2] : undefined
  const words = script === undefined ? [...command] : split(script)
  const env: Record<string, string> = {}
  if (words[0] === 'env') words.shift()
  for (let pair = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(words[0] ?? ''); pair !== null; pair = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(words[0] ?? '')) {
    env[pair[1] ?? ''] = pair[2] ?? ''
    words.shift()
  }
  const program = words.shift() ?? ''
  if (!/(^|\/)vault$/.test(program)) throw new CliError(`${program}: not found: this container has the program vault, and no shell`, 127)
  const positional: string[] = []
  const flags = new Map<string, string>()
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, name, value] = /^--?([a-z][a-z-]*)(?:=([\s\S]*))?$/.exec(word) ?? []
    if (name === undefined) positional.push(word)
    else flags.set(name, value ?? (withValue.has(name) ? words.shift() ?? '' : 'true'))
  }
  return { env, positional, flags }
}

function split(script: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [, single, double, plain, blank] of script.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\s'"]+)|(\s+)/g)) {
    if (blank !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    const special = /[|&;<>()`$\n]/.exec(plain ?? '')?.[0] ?? /[`$]/.exec(double ?? '')?.[0]
    if (special !== undefined) throw new CliError(`sh: ${special} is not understood: this container has no shell, only the command vault`, 126)
    word = (word ?? '') + (single ?? double?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '')
  }
  return word === undefined ? words : [...words, word]
}
