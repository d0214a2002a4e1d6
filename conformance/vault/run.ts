/** hvac's integration tests against the stand-in: `npm run conformance -- vault HVAC_FOLDER [--python PYTHON] [--scope core|identity|all]`. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { SuiteResult } from '../main.ts'

const server = fileURLToPath(new URL('./serve.ts', import.meta.url))

/** What the platform uses of Vault; cloud providers, LDAP, Okta, GitHub, MFA, SSH, transform, quotas and Enterprise are outside. */
const core = [
  ...['kv_v1', 'kv_v2', 'transit', 'pki'].map((name) => `api/secrets_engines/test_${name}.py`),
  ...['token', 'approle', 'kubernetes', 'jwt'].map((name) => `api/auth_methods/test_${name}.py`),
  ...['audit', 'auth', 'health', 'init', 'key', 'leader', 'lease', 'mount', 'policies', 'policy', 'seal', 'wrapping'].map((name) => `api/system_backend/test_${name}.py`),
]
const scopes: Readonly<Record<string, readonly string[]>> = {
  core, identity: ['api/secrets_engines/test_identity.py'], v1: ['v1'], all: [...core, 'api/secrets_engines/test_identity.py', 'v1', 'api/system_backend/test_raft.py'],
}

/** @param args the folder of a checkout of hvac, then flags */
export async function run(args: readonly string[]): Promise<SuiteResult> {
  const [folder] = args
  const flag = (name: string): string | undefined => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
  if (folder === undefined || !existsSync(join(folder, 'tests/integration_tests'))) throw new Error('name the folder of a checkout of hvac; its Python needs pytest, pyhcl, requests, parameterized, pyjwt')
  const tests = scopes[flag('--scope') ?? 'core']
  if (tests === undefined) throw new Error(`--scope is one of ${Object.keys(scopes).join(', ')}`)
  const work = mkdtempSync(join(tmpdir(), 'vault-conformance-'))
  try {
    writeShim(work)
    mkdirSync(join(folder, 'tests/config_files/generated'), { recursive: true }) // hvac writes the servers' configurations there
    const report = join(work, 'report.xml')
    await pytest(flag('--python') ?? 'python3', folder, ['-o', 'addopts=', '-q', `--junit-xml=${report}`, ...tests.map((file) => `tests/integration_tests/${file}`)], work)
    return summary(readFileSync(report, 'utf8'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What hvac calls `vault`: the version, the server, and decoding of a root token. */
function writeShim(folder: string): void {
  const file = join(folder, 'vault')
  const decode = "const w = process.argv.slice(1); const at = (name) => w[w.indexOf(name) + 1]; console.log(Buffer.from([...Buffer.from(at('-decode'), 'base64')].map((byte, i) => byte ^ at('-otp').charCodeAt(i))).toString())"
  // `exec`: hvac ends its servers with SIGKILL, which must reach the server itself.
  writeFileSync(file, `#!/bin/sh
case "$1" in
  -version | --version) echo 'Vault v1.20.4' ;;
  operator) exec "${process.execPath}" -e "${decode}" -- "$@" ;;
  *) exec "${process.execPath}" "${server}" "$@" ;;
esac
`)
  chmodSync(file, 0o755)
}

function pytest(python: string, cwd: string, args: readonly string[], shimFolder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-m', 'pytest', ...args], { cwd, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, PATH: `${shimFolder}${delimiter}${process.env['PATH'] ?? ''}` } })
    child.on('error', reject)
    child.on('close', () => resolve()) // failing tests are counted from the report
  })
}

/** Tests that hvac itself skips for this version are counted apart: they assert nothing. */
function summary(xml: string): SuiteResult {
  const cases = [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
  const failures: { name: string; reason: string }[] = []
  let skipped = 0
  for (const [, where = '', name = '', inside = ''] of cases) {
    const failed = /<(?:failure|error) message="([^"]*)"/.exec(inside)
    if (failed !== null) failures.push({ name: `${where.split('.').slice(-2).join('.')}.${name}`, reason: (failed[1] ?? '').slice(0, 300) })
    else if (inside.includes('<skipped')) skipped++
  }
  return { suite: 'vault', passed: cases.length - failures.length - skipped, total: cases.length - skipped, failures, skippedByHvac: skipped }
}
