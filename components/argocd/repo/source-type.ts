import { CodedError, type FileTree } from '@idp/kit'
import type { ApplicationSource } from '../kinds/application.ts'
import type { SourceType } from './repo-service.ts'

export const kustomizationNames: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

/** What kind of source a folder is: what the source says, else what the folder holds. Throws CodedError `AmbiguousSource`, `PathNotFound`. */
export async function sourceTypeOf(source: ApplicationSource, files: FileTree, path: string): Promise<SourceType> {
  const said: SourceType[] = []
  if (source.kustomize !== undefined) said.push('Kustomize')
  if (source.helm !== undefined) said.push('Helm')
  if (source.directory !== undefined) said.push('Directory')
  if (source.plugin !== undefined) said.push('Plugin')
  if (said.length > 1) throw new CodedError({ code: 'AmbiguousSource', message: `multiple application sources defined: ${said.join(',')}`, remedy: 'Keep one of helm, kustomize, directory and plugin in the source' })
  const entries = await files.list(path)
  if (entries === undefined) {
    const isFile = (await files.read(path)) !== undefined
    throw new CodedError({ code: 'PathNotFound', message: isFile ? `${path}: app path is not a directory` : `${path}: app path does not exist`, where: path, remedy: 'Correct the path of the source, or commit the folder' })
  }
  if (said[0] !== undefined) return said[0]
  if (entries.some((entry) => entry.name === 'Chart.yaml')) return 'Helm'
  return entries.some((entry) => kustomizationNames.includes(entry.name)) ? 'Kustomize' : 'Directory'
}
