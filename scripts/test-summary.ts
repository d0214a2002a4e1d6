import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { lastFile, notTaken, type TestQueue } from './run-test-files.ts'

/**
 * A test reporter that shows a dot for every twentieth test that passes, names each failure with its place, and closes with one line: passed, failed,
 * skipped. What no process came to is a failure too.
 * @param workers the files that the processes were started with
 */
export function testSummary(queue: TestQueue, workers: readonly string[]): (events: AsyncIterable<TestEvent>) => AsyncGenerator<string> {
  return async function* summary(events) {
    const count = { passed: 0, failed: 0, skipped: 0 }
    const failures: string[] = []
    for await (const event of events) {
      // An error that comes when its test is over: the runner only notes it, and lets the process end with 1.
      if (event.type === 'test:diagnostic' && /generated asynchronous activity after the test ended/.test(event.data.message)) {
        count.failed++
        failures.push(`✖ ${event.data.message}`)
      }
      if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
      const { name, file = '', line = 1, skip } = event.data
      if (event.type === 'test:pass') {
        if (event.data.details.type === 'suite' || workers.includes(name)) continue
        if (skip !== undefined) count.skipped++
        else if (++count.passed % 20 === 0) yield '.'
        continue
      }
      const { failureType, cause, message } = event.data.details.error as Error & { readonly failureType?: string }
      // What is around a test that failed fails too, and says no more.
      if (failureType === 'subtestsFailed' || (workers.includes(name) && failures.length > 0)) continue
      const place = queue.files.includes(name) ? name : `${relative('', file)}:${line}: ${name}`
      const where = workers.includes(name) ? `the process ended that ran ${lastFile(queue, workers.indexOf(name)) ?? 'nothing yet'}` : place
      count.failed++
      yield `\n✖ ${where}\n`
      failures.push(`✖ ${where}\n  ${String(cause instanceof Error ? cause.stack : cause ?? message).split('\n').slice(0, 12).join('\n  ')}`)
    }
    for (const file of notTaken(queue)) {
      count.failed++
      failures.push(`✖ ${file}: was not run, because processes ended before`)
    }
    yield `\n${failures.join('\n\n')}${failures.length > 0 ? '\n\n' : ''}${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`
  }
}
