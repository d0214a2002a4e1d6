import { fn, GoError, toBase64, setKey, sortedKeys, stringOf, Struct, strings, typedMap, type GoMap } from '@idp/lang-gotemplate/core'
import { globPattern } from './glob.ts'
import { toYaml } from './yaml-functions.ts'

/** The files of one chart: others may take their place, and `.Files` shows those. */
export interface ChartFiles { readonly prefix: string; now: ReadonlyMap<string, Uint8Array> }

/** Told what a template asks of files: `test` says of a path below all charts whether it matters. */
export type FilesRead = (test: (path: string) => boolean) => void

/** `.Files`: what is in the chart besides templates, by path. Nothing outside the chart can be named. */
export function filesValue(chart: ChartFiles, read: FilesRead): Struct {
  let made: ReadonlyMap<string, Uint8Array> | undefined
  let content: GoMap = {}
  return filesOf(() => {
    if (made !== chart.now) {
      content = typedMap('map[string][]uint8', {})
      for (const [path, bytes] of chart.now) setKey(content, path, bytes)
      made = chart.now
    }
    return content
  }, read, chart.prefix, (path) => path.startsWith(chart.prefix))
}

/** `within` says of a path whether it is one of these. */
function filesOf(now: () => GoMap, read: FilesRead, prefix: string, within: (path: string) => boolean): Struct {
  const all = (): GoMap => {
    read(within)
    return now()
  }
  const bytes = (path: string): Uint8Array => {
    const wanted = prefix + path
    read((changed) => changed === wanted)
    const files = now()
    return Object.hasOwn(files, path) ? files[path] as Uint8Array : new Uint8Array()
  }
  return new Struct({
    type: 'engine.files', kind: 'map',
    get content() { return all() },
    methods: {
      Get: fn('string', (path: string) => stringOf(bytes(path))),
      GetBytes: fn('string', bytes),
      Lines: fn('string', (path: string) => lines(stringOf(bytes(path)))),
      Glob: fn('string', (pattern: string) => glob(now(), pattern, read, prefix)),
      AsConfig: fn('', () => toYaml(flattened(all(), stringOf))),
      AsSecrets: fn('', () => toYaml(flattened(all(), toBase64))),
    },
  })
}

function lines(text: string) {
  return strings(text === '' ? [] : (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n'))
}

function glob(files: GoMap, pattern: string, read: FilesRead, prefix: string): Struct {
  const matches = compiled(pattern)
  const within = (path: string) => path.startsWith(prefix) && matches.test(path.slice(prefix.length))
  read(within)
  const found: GoMap = typedMap('map[string][]uint8', {})
  for (const path of Object.keys(files)) if (matches.test(path)) setKey(found, path, files[path])
  return filesOf(() => found, read, prefix, within)
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
