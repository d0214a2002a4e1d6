import { messageOf } from '@idp/kit'
import { killedWriters } from '../../packages/store/crash-contract.ts'
import type { SuiteResult } from '../main.ts'

/** `npm run conformance -- store [rounds]`: kills a writing process that often (100 times by default); every acknowledged commit must be there after each. */
export async function run([rounds = '100']: readonly string[] = []): Promise<SuiteResult> {
  const total = Number(rounds)
  try {
    return { suite: 'store', passed: total, total, failures: [], acknowledged: await killedWriters(total) }
  } catch (error) {
    return { suite: 'store', passed: 0, total, failures: [{ name: 'kill -9 while writing', reason: messageOf(error) }] }
  }
}
