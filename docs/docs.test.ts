import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { cp, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { spawn } from 'node:child_process'
import { kubectlBinary, temporaryDirectory } from '@idp/testkit'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Commands that end with 1 as the text around them says. */
const mayEndWithOne = new Set(['./idp verify'])
const destroy = './idp destroy --yes'

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

/** What a page starts with, if that starts a cluster: pages with the same start share what it starts, because that takes longer than all else. */
const startOf = (commands: readonly string[]): string | undefined => commands.find((line) => /^\.\/idp (cluster )?up\b/.test(line)) === commands[0] ? commands[0] : undefined

interface Page { readonly file: string; readonly commands: readonly string[] }
const pages: readonly Page[] = [...globSync('docs/**/*.md', { cwd: root }).sort(), 'README.md'].map((file) => ({ file, commands: commandsOf(file) })).filter(({ commands }) => commands.length > 0)

for (const [start, group] of Map.groupBy(pages, ({ file, commands }) => startOf(commands) ?? file)) {
  describe(`pages that start with ${start}`, () => {
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>
    let env: Record<string, string>
    let kubectl: string | undefined
    before(async () => {
      directory = await temporaryDirectory()
      kubectl = await kubectlBinary()
      // A page is followed in the checkout's own folder; what it writes there goes to a copy of the launcher's place.
      env = { HOME: directory.path, XDG_DATA_HOME: join(directory.path, 'data'), GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', ...(kubectl === undefined ? {} : { PATH: `${dirname(kubectl)}:${process.env['PATH']}` }) }
    })
    after(async () => {
      for (const name of await readdir(join(directory.path, 'data', 'idp')).catch(() => [])) await shell(`${join(root, 'idp')} destroy --yes --name ${name}`, root, env)
      await directory[Symbol.asyncDispose]()
    })
    // Only the last page ends what all of them use; it does so by the same words.
    const ends = group.filter(({ commands }) => commands.at(-1) === destroy)
    const ordered = [...group.filter((page) => !ends.includes(page)), ...ends]
    for (const [index, { file, commands }] of ordered.entries()) {
      test(`every command of ${file} works as written`, async (t) => {
        if (kubectl === undefined && commands.some((line) => line.startsWith('kubectl '))) return t.skip('the real kubectl is not there')
        const here = join(directory.path, `page-${index}`)
        for (const folder of ['blueprint', 'docs']) await cp(join(root, folder), join(here, folder), { recursive: true })
        for (const line of index < ordered.length - 1 && commands.at(-1) === destroy ? commands.slice(0, -1) : commands) {
          const { code, said } = await shell(line.replaceAll('./idp', join(root, 'idp')), here, env)
          assert.ok(code === 0 || (code === 1 && mayEndWithOne.has(line)), `${line}\nended with ${code}:\n${said}`)
        }
      })
    }
  })
}
