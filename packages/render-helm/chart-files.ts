import { fn, GoError, setKey, sortedKeys, stringOf, Struct, strings, typedMap, type GoMap } from '@idp/lang-gotemplate'
import { globPattern } from './glob.ts'
import { toYaml } from './yaml-functions.ts'

/** `.Files`: what is in the chart besides templates, by path. Nothing outside the chart can be named. */
export function filesValue(files: ReadonlyMap<string, Uint8Array>): Struct {
  const content: GoMap = {}
  for (const [path, bytes] of files) setKey(content, path, bytes)
  return filesOf(content)
}

function filesOf(files: GoMap): Struct {
  const bytes = (path: string): Uint8Array => (Object.hasOwn(files, path) ? files[path] as Uint8Array : new Uint8Array())
  return new Struct({
    type: 'engine.files', kind: 'map', content: typedMap('map[string][]uint8', files),
    methods: {
      Get: fn('string', (path: string) => stringOf(bytes(path))),
      GetBytes: fn('string', bytes),
      Lines: fn('string', (path: string) => lines(stringOf(bytes(path)))),
      Glob: fn('string', (pattern: string) => glob(files, pattern)),
      AsConfig: fn('', () => toYaml(flattened(files, stringOf))),
      AsSecrets: fn('', () => toYaml(flattened(files, (content) => Buffer.from(content).toString('base64')))),
    },
  })
}

function lines(text: string) {
  return strings(text === '' ? [] : (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n'))
}

function glob(files: GoMap, pattern: string): Struct {
  const matches = compiled(pattern)
  const found: GoMap = {}
  for (const path of Object.keys(files)) if (matches.test(path)) setKey(found, path, files[path])
  return filesOf(found)
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
