import { fn, GoError, setKey, sortedKeys, stringOf, Struct, strings, typedMap, type GoMap } from '@idp/lang-gotemplate'
import { globPattern } from './glob.ts'
import { toYaml } from './yaml-functions.ts'

/** `.Files`: what is in the chart besides templates, by path. Nothing outside the chart can be named. */
export function filesValue(files: ReadonlyMap<string, Uint8Array>, read: () => void): Struct {
  const content: GoMap = {}
  for (const [path, bytes] of files) setKey(content, path, bytes)
  return filesOf(content, read)
}

function filesOf(files: GoMap, read: () => void): Struct {
  const all = (): GoMap => {
    read()
    return files
  }
  typedMap('map[string][]uint8', files)
  const bytes = (path: string): Uint8Array => (Object.hasOwn(all(), path) ? files[path] as Uint8Array : new Uint8Array())
  return new Struct({
    type: 'engine.files', kind: 'map',
    get content() { return all() },
    methods: {
      Get: fn('string', (path: string) => stringOf(bytes(path))),
      GetBytes: fn('string', bytes),
      Lines: fn('string', (path: string) => lines(stringOf(bytes(path)))),
      Glob: fn('string', (pattern: string) => glob(all(), pattern, read)),
      AsConfig: fn('', () => toYaml(flattened(all(), stringOf))),
      AsSecrets: fn('', () => toYaml(flattened(all(), (content) => Buffer.from(content).toString('base64')))),
    },
  })
}

function lines(text: string) {
  return strings(text === '' ? [] : (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n'))
}

function glob(files: GoMap, pattern: string, read: () => void): Struct {
  const matches = compiled(pattern)
  const found: GoMap = {}
  for (const path of Object.keys(files)) if (matches.test(path)) setKey(found, path, files[path])
  return filesOf(found, read)
}

/** What is no pattern matches everything, as in Helm. */
function compiled(pattern: string): RegExp {
  try {
    return globPattern(pattern)
  } catch (error) {
    if (error instanceof GoError) return /^/
    throw error
  }
}

function flattened(files: GoMap, render: (content: Uint8Array) => string): GoMap {
  const map: GoMap = {}
  for (const path of sortedKeys(files)) setKey(map, path.slice(path.lastIndexOf('/') + 1), render(files[path] as Uint8Array))
  return map
}
