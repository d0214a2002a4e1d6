import type { Json, JsonObject } from '@idp/formats'
import { formatYaml } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Catalog } from '../catalog/catalog.ts'
import { canonicalRef } from '../catalog/catalog.ts'
import { isObject } from '../json-schema.ts'
import { renderText } from './template-text.ts'

/** What actions may do outside the workspace. */
export interface ScaffolderWorld {
  readonly catalog: Catalog
  /** Files below a folder of a repository; `url` may be relative to `base`. */
  fetch(url: string, base: string): Promise<Map<string, Uint8Array>>
  publish(request: { readonly repoUrl: string; readonly branch: string; readonly files: ReadonlyMap<string, Uint8Array>; readonly message: string; readonly author: { readonly name: string; readonly email: string }; readonly allowOverwrite: boolean | readonly string[] }): Promise<{ readonly commit: string; readonly changed: boolean }>
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export interface ActionContext {
  readonly world: ScaffolderWorld
  /** Files of the task, by path. */
  readonly workspace: Map<string, Uint8Array>
  /** URL of the template's own file. */
  readonly templateUrl: string
  readonly dryRun: boolean
  readonly signal: AbortSignal
  log(message: string): void
  output(name: string, value: Json): void
}

export interface Action {
  readonly id: string
  readonly description: string
  /** JSON schema of the input. */
  readonly input: JsonObject
  readonly output?: JsonObject
  run(input: JsonObject, context: ActionContext): Promise<void>
}

const text: JsonObject = { type: 'string' }
const texts: JsonObject = { type: 'array', items: text }
const action = (id: string, description: string, required: string[], properties: JsonObject, run: Action['run'], output?: JsonObject): Action =>
  ({ id, description, input: { type: 'object', required, properties, additionalProperties: false }, ...(output === undefined ? {} : { output: { type: 'object', properties: output } }), run })
const str = (value: Json | undefined, other = ''): string => (typeof value === 'string' ? value : other)

/** A path below the workspace, without `.` and empty parts. Throws CodedError `PathOutsideWorkspace`. */
export function insideWorkspace(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/') || path.includes('\0') || parts.includes('..') || parts.includes('.git')) throw new CodedError({ code: 'PathOutsideWorkspace', message: `${JSON.stringify(path)} leads out of the task's workspace`, remedy: 'Write a path below it, without ".."' })
  return parts.join('/')
}
const below = (folder: string, path: string): string => insideWorkspace(folder === '' ? path : `${folder}/${path}`)

function isBinary(content: Uint8Array): boolean {
  return content.subarray(0, 8000).includes(0)
}

const matches = (patterns: Json | undefined, path: string): boolean => Array.isArray(patterns) && patterns.some((one) => new RegExp(`^${String(one).split(/(\*\*\/|\*\*|\*)/).map((part) => (part === '**/' ? '(?:.*/)?' : part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))).join('')}$`).test(path))

async function fetchTemplate(input: JsonObject, context: ActionContext): Promise<void> {
  const files = await context.world.fetch(str(input['url']), context.templateUrl)
  const scope = { values: input['values'] ?? {} }
  const target = str(input['targetPath'])
  const extension = input['templateFileExtension'] === true ? '.njk' : str(input['templateFileExtension'])
  context.log(`Processing ${files.size} template files/directories with input values`)
  for (const [path, content] of files) {
    const plain = isBinary(content) || matches(input['copyWithoutTemplating'], path) || (extension !== '' && !path.endsWith(extension))
    const named = renderText(path, scope)
    const to = below(target, extension !== '' && named.endsWith(extension) ? named.slice(0, -extension.length) : named)
    if (named.split('/').some((part) => part === '')) continue
    if (context.workspace.has(to) && input['replace'] !== true) continue
    context.log(`Writing file ${to} to template output path.`)
    context.workspace.set(to, plain ? content : Buffer.from(renderText(Buffer.from(content).toString(), scope, { trimBlocks: input['trimBlocks'] === true })))
  }
}

async function publishGit(input: JsonObject, context: ActionContext): Promise<void> {
  const source = insideWorkspace(str(input['sourcePath'], '.'))
  const target = insideWorkspace(str(input['targetPath'], '.'))
  const files = new Map<string, Uint8Array>()
  for (const [path, content] of context.workspace) if (source === '' || path.startsWith(`${source}/`)) files.set(below(target, source === '' ? path : path.slice(source.length + 1)), content)
  if (files.size === 0) throw new CodedError({ code: 'NothingToPublish', message: `the workspace has no files below ${source === '' ? '.' : source}` })
  const repoUrl = str(input['repoUrl'])
  const branch = str(input['branch'], 'main')
  context.output('remoteUrl', repoUrl)
  context.output('repoContentsUrl', `${repoUrl}/blob/${branch}${target === '' ? '' : `/${target}`}`)
  if (context.dryRun) { context.log(`Dry run: would push ${files.size} files to ${branch} of ${repoUrl}`); return }
  const overwrite = input['allowOverwrite']
  const { commit, changed } = await context.world.publish({
    repoUrl, branch, files, message: str(input['gitCommitMessage'], 'initial commit'), author: { name: str(input['gitAuthorName'], 'Scaffolder'), email: str(input['gitAuthorEmail'], 'scaffolder@backstage.io') },
    allowOverwrite: Array.isArray(overwrite) ? overwrite.map(String) : overwrite === true,
  })
  context.output('commitHash', commit)
  context.log(changed ? `Pushed ${files.size} files as commit ${commit.slice(0, 7)} to ${branch} of ${repoUrl}` : `Nothing to push: ${branch} of ${repoUrl} has these files at ${commit.slice(0, 7)}`)
}

async function register(input: JsonObject, context: ActionContext): Promise<void> {
  const contents = str(input['repoContentsUrl'])
  const target = str(input['catalogInfoUrl'], `${contents}/${str(input['catalogInfoPath'], 'catalog-info.yaml').replace(/^\//, '')}`)
  if (contents === '' && input['catalogInfoUrl'] === undefined) throw new CodedError({ code: 'InvalidInput', message: 'Invalid input passed to action catalog:register, instance requires property "catalogInfoUrl" or "repoContentsUrl"' })
  context.output('catalogInfoUrl', target)
  if (context.dryRun) { context.log(`Dry run: would register ${target}`); return }
  context.log(`Registering ${target} in the catalog`)
  const { catalog } = context.world
  try {
    const [first] = await catalog.preview({ type: 'url', target })
    // What a configured location already covers needs no second one.
    await catalog.refresh()
    const ref = first === undefined ? undefined : canonicalRef(`${first.kind}:${first.metadata.namespace ?? 'default'}/${first.metadata.name}`)
    if (ref === undefined || catalog.get(ref) === undefined) await catalog.register({ type: 'url', target })
    if (ref !== undefined) context.output('entityRef', ref)
  } catch (error) {
    if (input['optional'] !== true) throw error
    context.log('The entity could not be registered; it is optional')
  }
}

/** All actions. A template that names another one is refused by that name. */
export const actions: readonly Action[] = [
  action('fetch:template', 'Downloads a skeleton, fills its file names and contents, and puts it into the workspace', ['url'], { url: text, targetPath: text, values: { type: 'object' }, copyWithoutTemplating: texts, replace: { type: 'boolean' }, trimBlocks: { type: 'boolean' }, templateFileExtension: { type: ['string', 'boolean'] } }, fetchTemplate),
  action('fetch:plain', 'Downloads files and puts them into the workspace', ['url'], { url: text, targetPath: text }, async (input, context) => {
    for (const [path, content] of await context.world.fetch(str(input['url']), context.templateUrl)) context.workspace.set(below(str(input['targetPath']), path), content)
  }),
  action('publish:git', 'Commits the workspace to a branch of a Git repository and pushes it', ['repoUrl'], { repoUrl: text, branch: text, sourcePath: text, targetPath: text, gitCommitMessage: text, gitAuthorName: text, gitAuthorEmail: text, allowOverwrite: { anyOf: [{ type: 'boolean' }, texts] } }, publishGit, { remoteUrl: text, repoContentsUrl: text, commitHash: text }),
  action('catalog:register', 'Registers entities of a repository in the catalog', [], { catalogInfoUrl: text, repoContentsUrl: text, catalogInfoPath: text, optional: { type: 'boolean' } }, register, { entityRef: text, catalogInfoUrl: text }),
  action('catalog:fetch', 'Gives an entity of the catalog', ['entityRef'], { entityRef: text, optional: { type: 'boolean' } }, async (input, context) => {
    const found = context.world.catalog.get(canonicalRef(str(input['entityRef'])))
    if (found === undefined && input['optional'] !== true) throw new CodedError({ code: 'NotFound', message: `Entity ${str(input['entityRef'])} not found` })
    context.output('entity', found === undefined ? null : found as unknown as JsonObject)
  }, { entity: { type: 'object' } }),
  action('catalog:write', 'Writes an entity file into the workspace', ['entity'], { entity: { type: 'object' }, filePath: text }, async (input, context) => {
    const path = insideWorkspace(str(input['filePath'], 'catalog-info.yaml'))
    context.log(`Writing ${path}`)
    context.workspace.set(path, Buffer.from(formatYaml(input['entity'] ?? {})))
  }),
  action('fs:delete', 'Removes files of the workspace', ['files'], { files: texts }, async (input, context) => {
    for (const file of Array.isArray(input['files']) ? input['files'].map((one) => insideWorkspace(String(one))) : []) for (const path of Array.from(context.workspace.keys())) if (path === file || path.startsWith(`${file}/`)) context.workspace.delete(path)
  }),
  action('fs:rename', 'Renames files of the workspace', ['files'], { files: { type: 'array', items: { type: 'object', required: ['from', 'to'], properties: { from: text, to: text, overwrite: { type: 'boolean' } } } } }, async (input, context) => {
    for (const one of Array.isArray(input['files']) ? input['files'].filter(isObject) : []) {
      const [from, to] = [insideWorkspace(str(one['from'])), insideWorkspace(str(one['to']))]
      for (const [path, content] of Array.from(context.workspace)) if (path === from || path.startsWith(`${from}/`)) { context.workspace.delete(path); context.workspace.set(`${to}${path.slice(from.length)}`, content) }
    }
  }),
  action('debug:log', 'Writes a message, or the list of the workspace, into the log', [], { message: text, listWorkspace: { type: ['boolean', 'string'] }, extra: {} }, async (input, context) => {
    if (input['message'] !== undefined) context.log(str(input['message']))
    if (input['extra'] !== undefined) context.log(JSON.stringify(input['extra']))
    if (input['listWorkspace'] !== undefined && input['listWorkspace'] !== false) context.log(`Workspace:\n${[...context.workspace.keys()].sort().map((path) => `  - ${path}`).join('\n')}`)
  }),
  action('debug:wait', 'Waits', [], { seconds: { type: 'number', maximum: 600 }, minutes: { type: 'number', maximum: 10 }, milliseconds: { type: 'number', maximum: 600_000 } }, async (input, context) => {
    const part = (name: string, ms: number): number => (typeof input[name] === 'number' ? input[name] * ms : 0)
    const ms = part('minutes', 60_000) + part('seconds', 1000) + part('milliseconds', 1)
    context.log(`Waiting for ${ms / 1000} seconds`)
    await context.world.wait(ms, context.signal)
  }),
]
