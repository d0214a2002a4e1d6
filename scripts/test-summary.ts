/** A test reporter that shows a dot for every twentieth test that passes, names each failure with its file, and closes with one line: passed, failed, skipped. */
import type { TestEvent } from 'node:test/reporters'

export default async function* summary(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  let skipped = 0
  const failures: string[] = []
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (event.data.details.type === 'suite') continue
    if (event.data.skip !== undefined) skipped++
    else if (event.type === 'test:pass') {
      if (++passed % 20 === 0) yield '.'
    }
    else {
      failed++
      yield `\n✖ ${event.data.name}\n`
      const error = event.data.details.error
      failures.push(`✖ ${event.data.file ?? ''}: ${event.data.name}\n  ${String(error.cause instanceof Error ? error.cause.stack : error.cause ?? error).split('\n').slice(0, 12).join('\n  ')}`)
    }
  }
  yield `\n${failures.join('\n\n')}${failures.length > 0 ? '\n\n' : ''}${passed} passed, ${failed} failed, ${skipped} skipped\n`
}
