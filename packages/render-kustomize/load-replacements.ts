import { parseYaml } from '@idp/formats'
import { failure } from './failure.ts'
import { replacementShape, type Replacement } from './kustomization.ts'
import { readShape } from './kustomization-shape.ts'
import { joinPath, loadText, type Loader } from './loader.ts'
import { isObject } from './resource.ts'

/** Reads the replacements that entries name by `path`; a file holds one or a list. */
export async function loadReplacements(entries: readonly Replacement[], loader: Loader): Promise<Replacement[]> {
  const all: Replacement[] = []
  for (const entry of entries) {
    if (entry.path === undefined || entry.path === '') { all.push(entry); continue }
    if (entry.source !== undefined || (entry.targets ?? []).length > 0) throw failure('InvalidReplacement', 'cannot specify both path and inline replacement', loader.root)
    const file = joinPath(loader.root, entry.path)
    const value = parseYaml(await loadText(loader, entry.path), { source: file, duplicateKeys: 'last' })
    if (!Array.isArray(value) && !isObject(value)) throw failure('InvalidReplacement', `unsupported replacement type encountered within replacement path: ${typeof value}`, file)
    const list = (Array.isArray(value) ? value : [value]).map((item) => readShape(item, replacementShape, { file, type: 'Replacement' }))
    all.push(...(list as unknown as Replacement[])) // their shape was just checked
  }
  return all
}
