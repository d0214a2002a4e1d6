/** Types, lint, boundaries, stale generated files. Prints every finding and exits 1 when there is one. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { checkBoundaries } from './check-boundaries.ts'

const findings: string[] = checkBoundaries()
const run = (name: string, command: string, args: string[]) => {
  const result = spawnSync(command, args, { encoding: 'utf8' })
  if (result.status !== 0) findings.push(`${name}:\n${result.stdout}${result.stderr}`.trimEnd())
}
run('types', 'node_modules/.bin/tsc', ['-p', 'tsconfig.json'])
run('lint', 'node_modules/.bin/oxlint', ['--quiet', '-c', 'oxlint.json', 'packages', 'components', 'apps', 'scripts', 'bench', 'conformance'])
if (existsSync('scripts/gen.ts')) run('stale generated files (npm run gen)', process.execPath, ['scripts/gen.ts', '--check'])
for (const finding of findings) console.error(finding)
console.log(findings.length === 0 ? 'check: types, lint, boundaries and generated files are in order' : `check: ${findings.length} finding(s)`)
process.exit(findings.length === 0 ? 0 : 1)
