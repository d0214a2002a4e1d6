import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiVersionOf, builtInKinds, decodeBuiltIn, decodeProtobuf } from '@idp/api'
import { cloneJson, deepEqual, parseYaml, type JsonObject } from '@idp/formats'
import type { SuiteResult } from '../main.ts'

const forms: readonly [extension: string, read: (bytes: Buffer) => JsonObject][] = [
  ['.json', (bytes) => JSON.parse(bytes.toString()) as JsonObject], ['.yaml', (bytes) => parseYaml(bytes.toString()) as JsonObject], ['.pb', (bytes) => decodeProtobuf(bytes)],
]

/** Every golden of a served kind, in each of its wire forms, decodes to the object its JSON form shows, with nothing lost. */
export async function runWire(directory: string): Promise<SuiteResult> {
  const failures: { name: string; reason: string }[] = []
  let total = 0
  for (const file of globSync('*.json', { cwd: directory }).sort()) {
    const want = JSON.parse(readFileSync(join(directory, file), 'utf8')) as JsonObject
    const kind = builtInKinds.find((candidate) => apiVersionOf(candidate) === want['apiVersion'] && candidate.kind === want['kind'])
    if (kind === undefined) continue
    for (const [extension, read] of forms) {
      total++
      const name = file.replace('.json', extension)
      try {
        const got = cloneJson(read(readFileSync(join(directory, name))))
        const unknown = decodeBuiltIn(kind, got)
        if (unknown.length > 0) failures.push({ name, reason: `unknown fields: ${unknown.slice(0, 4).join(', ')}` })
        else if (!deepEqual(got, want)) failures.push({ name, reason: `differs at ${firstDifference(got, want)}` })
      } catch (error) {
        failures.push({ name, reason: String(error) })
      }
    }
  }
  return { suite: 'api wire', passed: total - failures.length, total, failures }
}

function firstDifference(got: unknown, want: unknown, path = ''): string {
  if (typeof got === 'object' && typeof want === 'object' && got !== null && want !== null) {
    const [left, right] = [got as Record<string, unknown>, want as Record<string, unknown>]
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) if (JSON.stringify(left[key]) !== JSON.stringify(right[key])) return firstDifference(left[key], right[key], `${path}.${key}`)
  }
  return `${path}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`
}
