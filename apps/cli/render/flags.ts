import { CodedError } from '@idp/kit'

/** A flag as upstream's tool has it. */
export interface Flag {
  readonly name: string
  readonly short?: string
  /** `none` is a switch; `list` may come again and is cut at commas, `many` may come again as it is; `optional` has a value when given none. */
  readonly value: 'none' | 'one' | 'many' | 'list' | { readonly optional: string }
  readonly help: string
  /** Accepted without effect on what is rendered: why. */
  readonly idle?: string
  /** Refused by name: why, and what to do instead. */
  readonly refused?: string
}

/** Values of flags by name; a switch is `true` or `false`. */
export type Given = ReadonlyMap<string, readonly string[]>

/** Reads arguments as Go's tools do: `--name value`, `--name=value`, `-n value`, `-nvalue`, `--switch=false`, and what is no flag. Throws CodedError `UnknownFlag`, `MissingValue`, `FlagRefused`. */
export function readFlags(flags: readonly Flag[], args: readonly string[]): { words: string[]; given: Given } {
  const words: string[] = []
  const given = new Map<string, string[]>()
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg === '--') {
      words.push(...args.slice(i + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg)
      continue
    }
    const { flag, text } = arg.startsWith('--') ? longFlag(flags, arg) : shortFlag(flags, arg)
    if (flag.refused !== undefined) throw new CodedError({ code: 'FlagRefused', message: `--${flag.name} is not supported: ${flag.refused}`, where: arg })
    const value = text ?? defaultOf(flag) ?? args[++i]
    if (value === undefined) throw new CodedError({ code: 'MissingValue', message: `flag needs an argument: ${arg}`, where: arg })
    const all = given.get(flag.name) ?? []
    given.set(flag.name, flag.value === 'many' ? [...all, value] : flag.value === 'list' ? [...all, ...value.split(',')] : [value])
  }
  return { words, given }
}

function longFlag(flags: readonly Flag[], arg: string): { flag: Flag; text: string | undefined } {
  const equals = arg.indexOf('=')
  const name = arg.slice(2, equals < 0 ? undefined : equals)
  const flag = flags.find((one) => one.name === name)
  if (flag === undefined) throw unknown(`--${name}`)
  return { flag, text: equals < 0 ? undefined : arg.slice(equals + 1) }
}

function shortFlag(flags: readonly Flag[], arg: string): { flag: Flag; text: string | undefined } {
  const flag = flags.find((one) => one.short === arg[1])
  if (flag === undefined) throw unknown(arg.slice(0, 2))
  const rest = arg.slice(2)
  return { flag, text: rest === '' ? undefined : rest.replace(/^=/, '') }
}

function unknown(flag: string): CodedError {
  return new CodedError({ code: 'UnknownFlag', message: `unknown flag: ${flag}`, where: flag, remedy: 'See --help for what there is' })
}

function defaultOf({ value }: Flag): string | undefined {
  return value === 'none' ? 'true' : typeof value === 'object' ? value.optional : undefined
}

export function isOn(given: Given, name: string): boolean {
  const value = given.get(name)?.[0]
  return value !== undefined && !/^(?:false|f|0)$/i.test(value)
}

export function one(given: Given, name: string): string | undefined {
  return given.get(name)?.at(-1)
}

export function all(given: Given, name: string): readonly string[] {
  return given.get(name) ?? []
}

/** The flags as help prints them. */
export function helpOf(usage: string, flags: readonly Flag[]): string {
  const lines = flags.map((flag) => {
    const left = `${flag.short === undefined ? '    ' : `-${flag.short}, `}--${flag.name}${flag.value === 'none' || typeof flag.value === 'object' ? '' : ' <value>'}`
    const note = flag.refused !== undefined ? `not supported: ${flag.refused}` : flag.idle !== undefined ? `${flag.help} (without effect: ${flag.idle})` : flag.help
    return `  ${left.padEnd(38)} ${note}`
  })
  return `Usage: ${usage}\n\nFlags:\n${lines.join('\n')}`
}
