import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { harm } from './bad-input-limits.ts'

/** What each kind of harm is refused with: code, and the place (chart, file, line, column) as far as the fault has one. */
const verdicts: Readonly<Record<keyof typeof harm & string, readonly [code: string, where: string | RegExp]>> = {
  'a template that includes itself': ['RenderLimit', /^bad\/templates\/_a\.tpl:2:\d+$/], 'templates that call each other': ['RenderLimit', /^bad\/templates\/_a\.tpl:1:\d+$/],
  'tpl of itself': ['RenderLimit', /^gotpl:1:\d+$/], 'a loop without end': ['RenderLimit', /^bad\/templates\/a\.yaml:1:\d+$/],
  'includes that double, with text': ['RenderLimit', /^bad\/templates\/_a\.tpl:\d+:\d+$/], 'includes that double, without text': ['RenderLimit', /^bad\/templates\/_a\.tpl:\d+:\d+$/],
  'a text that doubles': ['RenderLimit', /^bad\/templates\/a\.yaml:1:\d+$/], 'a repetition without end': ['RenderLimit', 'bad/templates/a.yaml:1:3'], 'a list without end': ['RenderLimit', 'bad/templates/a.yaml:1:3'],
  'values of 100 MB': ['InvalidYaml', 'values.yaml:1:1'], 'a values file of 110 MB': ['ChartTooLarge', 'values.yaml'],
  'an archive that unpacks to 300 MB': ['ArchiveTooLarge', 'bad.tgz'], 'archives in an archive that unpack to 150 MB': ['ArchiveTooLarge', /^charts\/c\d\.tgz$/],
  'a path that leaves the chart': ['UnsafePath', 'bad.tgz'], 'a link that leaves the chart': ['UnsafePath', 'bad.tgz'], 'charts in charts in charts': ['ChartTooDeep', /^charts\/a\/charts\/a/],
  'dependencies that need each other': ['CyclicDependency', 'x from file://../b'], 'an archive with a wrong digest': ['WrongDigest', 'x 1.0.0 from https://example.com'],
  'aliases by the million': ['InvalidYaml', 'values.yaml:1:10'], 'aliases in what a template writes': ['InvalidYaml', 'bad/templates/a.yaml:1:10'], 'an alias inside its own anchor': ['InvalidYaml', 'values.yaml:2:7'],
  'nesting without end': ['InvalidYaml', /^values\.yaml:1:\d+$/], 'equal keys in values': ['InvalidYaml', 'values.yaml:3:1'], 'a pattern that takes for ever': ['TemplateFailed', /^bad\/templates\/a\.yaml:1:\d+$/],
  'parentheses without end': ['InvalidTemplate', 'bad/templates/a.yaml:1'],
}

/** `ms` of CPU time, so that it does not count how busy the machine is; `rss` in MB. */
interface Outcome { readonly name: string; readonly code: string; readonly where?: string; readonly message?: string; readonly ms: number; readonly rss: number }

test('what would do harm is refused with code and place, in bounded time and memory', async (t) => {
  const script = fileURLToPath(new URL('./bad-input-limits.ts', import.meta.url))
  // The limit on the heap ends the process, and the test, when something grows without bounds.
  const lines = execFileSync(process.execPath, ['--max-old-space-size=600', script], { encoding: 'utf8', maxBuffer: 1 << 24, timeout: 600_000 }).trim().split('\n')
  const outcomes = lines.map((line) => JSON.parse(line) as Outcome)
  assert.deepEqual(outcomes.map(({ name }) => name), Object.keys(harm))
  for (const { name, code, where, message, ms, rss } of outcomes) {
    await t.test(name, () => {
      const [wantCode, wantWhere] = verdicts[name] ?? ['', '']
      assert.equal(code, wantCode, message)
      if (typeof wantWhere === 'string') assert.equal(where, wantWhere)
      else assert.match(where ?? '', wantWhere)
      assert.ok(ms < 20_000, `${ms} ms`)
      assert.ok(rss < 1_000, `${rss} MB`)
    })
  }
})
