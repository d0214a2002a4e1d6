import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { spawn } from 'node:child_process'
import { kubectlBinary, temporaryDirectory } from '@idp/testkit'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Commands that end with 1 as the text around them says. */
const mayEndWithOne = new Set(['./idp verify'])

/** The lines of every ```sh block of a page. */
function commandsOf(file: string): string[] {
  const blocks = [...readFileSync(join(root, file), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)]
  return blocks.flatMap(([, block = '']) => block.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')))
}

function shell(command: string, cwd: string, env: Record<string, string>): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, said }))
  })
}

for (const file of ['README.md', ...globSync('docs/**/*.md', { cwd: root })]) {
  const commands = commandsOf(file)
  if (commands.length === 0) continue
  test(`every command of ${file} works as written`, async (t) => {
    const kubectl = await kubectlBinary()
    if (kubectl === undefined && commands.some((line) => line.startsWith('kubectl '))) return t.skip('the real kubectl is not there')
    await using directory = await temporaryDirectory()
    // A page is followed in the checkout's own folder; what it writes there goes to a copy of the launcher's place.
    const home = { HOME: directory.path, XDG_DATA_HOME: join(directory.path, 'data'), GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', ...(kubectl === undefined ? {} : { PATH: `${dirname(kubectl)}:${process.env['PATH']}` }) }
    const here = join(directory.path, 'here')
    for (const folder of ['blueprint', 'docs']) await cp(join(root, folder), join(here, folder), { recursive: true })
    const command = (line: string): string => line.replaceAll('./idp', join(root, 'idp'))
    try {
      for (const line of commands) {
        const { code, said } = await shell(command(line), here, home)
        assert.ok(code === 0 || (code === 1 && mayEndWithOne.has(line)), `${line}\nended with ${code}:\n${said}`)
      }
    } finally {
      for (const name of ['idp-demo', 'blue', 'green']) await shell(`${join(root, 'idp')} destroy --yes --name ${name}`, here, home)
      await rm(here, { recursive: true, force: true })
    }
  })
}
