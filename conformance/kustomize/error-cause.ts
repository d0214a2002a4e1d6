/** What a fault is about, however it is told: its kind and the thing it names. */
export interface Cause { readonly kind: string; readonly about: string }

/** kustomize's words for each kind, and ours where they differ; the first group is what it is about. */
const kinds: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['a file outside the root', /security; file '([^']+)' is not in or below/],
  ['no kustomization', /unable to find one of 'kustomization\.yaml', 'kustomization\.yml' or 'Kustomization' in directory '([^']*)'/],
  ['several kustomizations', /[Ff]ound multiple kustomization files(?: under)?:? ?(\S*)/],
  ['the same resource twice', /already registered id: (\S+)/],
  ['a cycle', /cycle detected: candidate root '([^']+)'/],
  ['an external plugin', /unable to load external plugin '?([^\s']+)/],
  ['charts not enabled', /must (?:specify|use) (--enable-helm)/],
  ['several matches', /multiple matches for Id (\S+?);/],
  ['no such resource', /no (?:matches|resource matches|target|resources match)[^;]*?(?:Id|id|target|Resources?)[: ]+([^;]+)/],
  ['no such file', /(?:lstat|open|stat|read) (\S+): no such file or directory/],
  ['a field that is unknown', /unknown field "([^"]+)"/],
  ['an ambiguous reference', /updating name reference in '([^']+)' field/],
  ['a file where a directory is wanted', /must build at directory: '([^']+)'(?::? (?:file )?is not (?:a )?directory)/],
  ['YAML', /(?:MalformedYAMLError|yaml: |did not find expected|mapping values are not allowed|InvalidYaml)()/],
]

/** Reads a message of kustomize's or of ours. `undefined`: none of the known kinds. */
export function causeOf(message: string): Cause | undefined {
  for (const [kind, pattern] of kinds) {
    const found = pattern.exec(message)
    if (found !== null) return { kind, about: baseName(found[1] ?? '') }
  }
  return undefined
}

/** Paths are absolute there and relative here. */
function baseName(text: string): string {
  const path = text.replace(/[:'"]+$/, '').trim()
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The same fault of the same thing, or ours in kustomize's own words? */
export function isSameCause(real: string, ours: string): boolean {
  const [a, b] = [causeOf(real), causeOf(ours)]
  if (a !== undefined && b !== undefined) return a.kind === b.kind && a.about === b.about
  return plain(real).includes(plain(core(ours)))
}

/** What we add in front: our code, and the way there. */
function core(message: string): string {
  const text = message.replace(/^[A-Z][A-Za-z]+: /, '')
  return text.split(/: (?=\S)/).at(-1) ?? text
}

/** Go prints an id with all its fields. */
function shortIds(text: string): string {
  return text.replaceAll(/resid\.ResId\{Gvk:resid\.Gvk\{Group:"(.*?)", Version:"(.*?)", Kind:"(.*?)"[^}]*\}, Name:"(.*?)", Namespace:"(.*?)"\}/g, (_, group: string, version: string, kind: string, name: string, namespace: string) =>
    `${kind}.${version}.${group || '[noGrp]'}/${name}.${namespace || '[noNs]'}`)
}

function plain(text: string): string {
  return shortIds(text).replaceAll(/\S*\//g, '').replaceAll(/["'`\\\s]+/g, ' ').trim().toLowerCase()
}
