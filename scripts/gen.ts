/** Writes every generated file; `--check` names those that are stale and exits 1. */
import { existsSync } from 'node:fs'
import { generateCrds } from './gen-crds.ts'

const check = process.argv.includes('--check')
const stale = generateCrds(check)
const registry = new URL('./gen-registry.ts', import.meta.url)
if (existsSync(registry)) {
  const { generateRegistry } = (await import(registry.href)) as { generateRegistry(check: boolean): string[] }
  stale.push(...generateRegistry(check))
}
for (const file of stale) console.log(`${check ? 'stale' : 'wrote'} ${file}`)
process.exit(check && stale.length > 0 ? 1 : 0)
