import { CliError } from './cli-error.ts'
import type { Answer } from './api.ts'
import { keyValues, lines, print, section } from './output.ts'
import { pairsOf, type Task } from './task.ts'

interface Place { readonly mount: string; readonly path: string; readonly v2: boolean }

/** `vault kv …` for both versions of the engine. */
export async function kv(task: Task): Promise<string> {
  const [, verb = '', ...rest] = task.words.positional
  const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  if (run === undefined) throw new CliError(`vault kv ${verb}: this command line has kv ${Object.keys(verbs).join(', ')}`, 127)
  const nested = verb === 'metadata' ? rest.slice(1) : rest
  const place = await locate(task, nested[0] ?? '')
  return run(task, place, nested.slice(1), rest[0] ?? '')
}

async function locate({ api, words }: Task, given: string): Promise<Place> {
  const flag = words.flags.get('mount')
  const whole = flag === undefined ? given : `${flag.replace(/\/+$/, '')}/${given}`
  if (whole === '') throw new CliError('Not enough arguments (expected a path)')
  const found = (await api.call('GET', `sys/internal/ui/mounts/${whole.replace(/\/+$/, '')}`))?.['data'] as { path: string; options: { version?: string } | null } | undefined
  const mount = found?.path ?? `${whole.split('/')[0]}/`
  return { mount, path: whole.slice(mount.length), v2: found?.options?.version === '2' }
}

const apiPath = ({ mount, path, v2 }: Place, kind: string): string => (v2 ? `${mount}${kind}/${path}` : `${mount}${path}`)
const nothingAt = (where: string): never => { throw new CliError(`No value found at ${where}`, 2) }
const versioned = ({ v2 }: Place): void => { if (!v2) throw new CliError('this needs the KV secrets engine in version 2') }
const versionsOf = ({ words }: Task): number[] => (words.flags.get('versions') ?? '').split(',').filter((each) => each !== '').map(Number)

type Verb = (task: Task, place: Place, rest: readonly string[], first: string) => Promise<string>

const verbs: Readonly<Record<string, Verb>> = {
  async get({ api, words }, place) {
    const version = words.flags.get('version')
    const answer = await api.call('GET', apiPath(place, 'data'), undefined, version === undefined ? {} : { version })
    const data = answer?.['data'] as Answer | undefined ?? nothingAt(apiPath(place, 'data'))
    const values = (place.v2 ? data['data'] : data) as Answer | null
    const metadata = place.v2 ? section('Metadata', keyValues(data['metadata'] as Answer)) : ''
    return print(words, answer, () => `${place.v2 ? section('Secret Path', `${apiPath(place, 'data')}\n`) + '\n' : ''}${metadata}${values === null ? '' : `${metadata === '' ? '' : '\n'}${section('Data', keyValues(values))}`}`, values ?? {})
  },
  async put(task, place, rest) {
    const values = await pairsOf(task, rest)
    const cas = task.words.flags.get('cas')
    const answer = await task.api.call('POST', apiPath(place, 'data'), place.v2 ? { data: values, ...(cas === undefined ? {} : { options: { cas: Number(cas) } }) } : values)
    return written(task, place, answer)
  },
  async patch(task, place, rest) {
    versioned(place)
    return written(task, place, await task.api.call('PATCH', apiPath(place, 'data'), { data: await pairsOf(task, rest) }) ?? nothingAt(apiPath(place, 'data')))
  },
  async list({ api, words }, place) {
    const answer = await api.call('GET', apiPath(place, 'metadata'), undefined, { list: 'true' })
    const keys = (answer?.['data'] as { keys: string[] } | undefined)?.keys ?? nothingAt(apiPath(place, 'metadata'))
    return print(words, keys, () => lines(keys))
  },
  async delete(task, place) {
    const versions = versionsOf(task)
    if (versions.length > 0) versioned(place)
    await (versions.length > 0 ? task.api.call('POST', apiPath(place, 'delete'), { versions }) : task.api.call('DELETE', apiPath(place, 'data')))
    return `Success! Data deleted (if it existed) at: ${apiPath(place, 'data')}\n`
  },
  async undelete(task, place) {
    versioned(place)
    await task.api.call('POST', apiPath(place, 'undelete'), { versions: versionsOf(task) })
    return `Success! Data written to: ${apiPath(place, 'undelete')}\n`
  },
  async destroy(task, place) {
    versioned(place)
    await task.api.call('POST', apiPath(place, 'destroy'), { versions: versionsOf(task) })
    return `Success! Data written to: ${apiPath(place, 'destroy')}\n`
  },
  async rollback(task, place) {
    versioned(place)
    const version = task.words.flags.get('version') ?? ''
    const old = (await task.api.call('GET', apiPath(place, 'data'), undefined, { version }))?.['data'] as Answer | undefined
    if (old?.['data'] === undefined || old['data'] === null) throw new CliError(`version ${version} of the secret is not there`, 2)
    const current = ((await task.api.call('GET', apiPath(place, 'metadata')))?.['data'] as Answer | undefined)?.['current_version']
    return written(task, place, await task.api.call('POST', apiPath(place, 'data'), { data: old['data'], options: { cas: current } }))
  },
  async metadata({ api, words }, place, _rest, verb) {
    versioned(place)
    if (verb === 'delete') {
      await api.call('DELETE', apiPath(place, 'metadata'))
      return `Success! Data deleted (if it existed) at: ${apiPath(place, 'metadata')}\n`
    }
    if (verb !== 'get') throw new CliError(`vault kv metadata ${verb}: this command line has get and delete`, 127)
    const answer = await api.call('GET', apiPath(place, 'metadata'))
    const { versions, ...data } = answer?.['data'] as Record<string, unknown> | undefined ?? nothingAt(apiPath(place, 'metadata'))
    return print(words, answer, () => `${section('Metadata', keyValues(data))}${Object.entries(versions as Record<string, Answer>).map(([number, version]) => `\n${section(`Version ${number}`, keyValues(version))}`).join('')}`, data)
  },
}

function written({ words }: Task, place: Place, answer: Answer | undefined): string {
  if (!place.v2) return `Success! Data written to: ${apiPath(place, 'data')}\n`
  return print(words, answer, () => `${section('Secret Path', `${apiPath(place, 'data')}\n`)}\n${section('Metadata', keyValues(answer?.['data'] as Answer))}`, answer?.['data'] as Answer)
}

