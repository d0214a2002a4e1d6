import { readFileSync } from 'node:fs'
import type { Describe } from './document.ts'

/** Folders of the npm package `kubernetes-models` by the package of a definition. */
const folders: Readonly<Record<string, string>> = {
  core: '', apps: 'apps', autoscaling: 'autoscaling', batch: 'batch', policy: 'policy', admissionregistration: 'admissionregistration.k8s.io', authentication: 'authentication.k8s.io',
  authorization: 'authorization.k8s.io', certificates: 'certificates.k8s.io', coordination: 'coordination.k8s.io', discovery: 'discovery.k8s.io', events: 'events.k8s.io',
  flowcontrol: 'flowcontrol.apiserver.k8s.io', networking: 'networking.k8s.io', node: 'node.k8s.io', rbac: 'rbac.authorization.k8s.io', resource: 'resource.k8s.io',
  scheduling: 'scheduling.k8s.io', storage: 'storage.k8s.io', apiextensions: 'apiextensions.k8s.io', apiregistration: 'apiregistration.k8s.io',
}

function moduleOf(definition: string): string | undefined {
  const parts = definition.split('.')
  const type = parts.pop() ?? ''
  const version = parts.pop() ?? ''
  if (definition.startsWith('io.k8s.apimachinery.pkg.apis.meta.')) return `@kubernetes-models/apimachinery/apis/meta/${version}/${type}`
  const folder = folders[parts.at(-1) ?? '']
  if (folder === undefined || definition.startsWith('io.k8s.apimachinery.')) return undefined
  return folder === '' ? `kubernetes-models/${version}/${type}` : `kubernetes-models/${folder}/${version}/${type}`
}

/** The declarations of a definition; undefined when the package is not installed or does not have it. */
function readDeclarations(definition: string): string | undefined {
  const module = moduleOf(definition)
  if (module === undefined) return undefined
  try {
    return readFileSync(new URL(import.meta.resolve(module).replace(/\.js$/, '.d.ts')), 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ENOENT' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined
    throw error
  }
}

const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/

function text(doc: string): string {
  return doc.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim()).join('\n').trim()
}

interface Docs { own: string | undefined; fields: Map<string, string> }

/** Descriptions out of a declaration file: that of the interface, and those of its fields (four spaces deep). */
export function parseDeclarations(source: string): Docs {
  const start = /^export interface .*\{$/m.exec(source)
  if (!start) return { own: undefined, fields: new Map() }
  const own = comment.exec(source.slice(0, start.index))?.[1]
  const from = start.index + start[0].length
  const body = source.slice(from, source.indexOf('\n}', from))
  const fields = new Map<string, string>()
  for (const match of body.matchAll(/^ {4}\/\*\*\n((?: {5}\*.*\n)+?) {5}\*\/\n {4}"([^"]+)"\??:/gm)) fields.set(match[2] ?? '', text(match[1] ?? ''))
  return { own: own === undefined ? undefined : text(own), fields }
}

const cache = new Map<string, Docs>()

/**
 * Descriptions for `kubectl explain`, read from the development dependency `kubernetes-models` when it is installed; without it there are
 * none, and `explain` prints fields and types only.
 */
export const describeFromModels: Describe = (definition, field) => {
  let docs = cache.get(definition)
  if (!docs) cache.set(definition, docs = parseDeclarations(readDeclarations(definition) ?? ''))
  return field === undefined ? docs.own : docs.fields.get(field)
}
