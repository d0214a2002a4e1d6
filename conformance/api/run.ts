/**
 * `npm run conformance -- api wire DIR`          wire goldens: DIR is `testdata/v1.xx.0` of the public repository kubernetes/api
 * `npm run conformance -- api pod-security DIR`  DIR is `test/testdata` of kubernetes/pod-security-admission
 */
import { CodedError } from '@idp/kit'
import type { SuiteResult } from '../main.ts'
import { runPodSecurity } from './pod-security.ts'
import { runWire } from './wire.ts'

const parts: Readonly<Record<string, (directory: string) => Promise<SuiteResult>>> = { wire: runWire, 'pod-security': runPodSecurity }

export async function run([part = '', directory]: readonly string[]): Promise<SuiteResult> {
  const suite = parts[part]
  if (suite === undefined || directory === undefined) {
    throw new CodedError({ code: 'WrongUsage', message: 'name a part of the suite and a folder', remedy: `npm run conformance -- api ${Object.keys(parts).join('|')} DIR` })
  }
  return suite(directory)
}
