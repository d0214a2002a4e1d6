/**
 * Writes `packages/api/data/protobuf.json`: the protobuf field numbers of the built-in types, read from the struct tags of the public
 * repositories kubernetes/api, kubernetes/apimachinery, kubernetes/apiextensions-apiserver and kubernetes/kube-aggregator (same version as
 * the OpenAPI documents of gen-api.ts). Go clients, kubectl among them, send protobuf.
 *
 *   node scripts/gen-api-protobuf.ts API_DIR APIMACHINERY_DIR APIEXTENSIONS_DIR AGGREGATOR_DIR
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CodedError } from '@idp/kit'

const field = /^\t(?:(\w+)\s+)?(\*?[\w.[\]*]+)\s+`json:"([^",]*)((?:,\w+)*)"(?: [\w-]+:"[^"]*")* protobuf:"(\w+),(\d+),/
const struct = /^type (\w+) struct \{\n([\s\S]*?)^\}/gm

/** Packages that embedded types come from, by their import names. */
const imported: Record<string, string> = { metav1: '+apis.meta.v1', v1: 'core.v1', corev1: 'core.v1', core: 'core.v1' }

function structsOf(dir: string, pattern: string, prefix: (folder: string) => string, into: Record<string, string>): void {
  for (const file of globSync(pattern, { cwd: dir }).sort()) {
    const source = readFileSync(join(dir, file), 'utf8')
    const folder = prefix(dirname(file))
    for (const [, type = '', body = ''] of source.matchAll(struct)) {
      const entries = body.split('\n').flatMap((line) => {
        const match = field.exec(line)
        if (!match) return []
        const [, , goType = '', json = '', options = '', , number] = match
        if (options.includes('inline')) {
          const [name = '', from] = goType.replace('*', '').split('.').reverse()
          return [`^${from === undefined ? folder : imported[from] ?? folder}.${name}=${number}`]
        }
        return json === '-' || json === '' ? [] : [`${json}${goType.startsWith('*') ? '*' : ''}=${number}`]
      })
      if (entries.length > 0) into[`${folder}.${type}`] = entries.join(' ')
    }
  }
}

const [api, machinery, extensions, aggregator] = process.argv.slice(2)
if (api === undefined || machinery === undefined || extensions === undefined || aggregator === undefined) {
  throw new CodedError({ code: 'Usage', message: 'usage: node scripts/gen-api-protobuf.ts API_DIR APIMACHINERY_DIR APIEXTENSIONS_DIR AGGREGATOR_DIR', remedy: 'see the head of scripts/gen-api-protobuf.ts for where they come from' })
}
const data = new URL('../packages/api/data/', import.meta.url)
const { types } = JSON.parse(readFileSync(new URL('schemas.json', data), 'utf8')) as { types: Record<string, unknown> }
const found: Record<string, string> = {}
const dotted = (folder: string) => folder.replaceAll('/', '.')
structsOf(api, '*/v*/*types*.go', dotted, found)
structsOf(machinery, 'pkg/apis/meta/v1/types.go', () => '+apis.meta.v1', found)
structsOf(extensions, 'pkg/apis/apiextensions/v1/types*.go', () => '!apiextensions.v1', found)
structsOf(aggregator, 'pkg/apis/apiregistration/v1/types.go', () => '~apiregistration.v1', found)

// Only what is reachable: served definitions, and what is embedded in them.
const wanted = new Set(Object.keys(types).filter((name) => found[name] !== undefined))
for (const name of wanted) for (const [, embedded = ''] of (found[name] ?? '').matchAll(/\^(\S+)=/g)) if (found[embedded] !== undefined) wanted.add(embedded)
const lines = [...wanted].sort().map((name) => `${JSON.stringify(name)}:${JSON.stringify(found[name])}`)
writeFileSync(new URL('protobuf.json', data), `{\n${lines.join(',\n')}\n}\n`)
