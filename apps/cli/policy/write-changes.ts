import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { formatYaml, type Json } from '@idp/formats'
import type { PolicyResponse } from '../../../components/kyverno/engine/apply-policies.ts'
import { changedObjects } from './apply-output.ts'

/** Writes mutated and generated resources to one file (`….yaml`), or into a folder as `NAME-mutated.yaml` and `POLICY-generated.yaml`; what was in those files is replaced. */
export async function writeChanges(target: string, responses: readonly PolicyResponse[]): Promise<void> {
  const single = /\.ya?ml$/.test(target)
  await mkdir(single ? dirname(target) : target, { recursive: true })
  if (single) await writeFile(target, '', { mode: 0o600 })
  const begun = new Set<string>()
  for (const response of responses) {
    for (const object of changedObjects(response)) {
      const name = response.type === 'Mutation' ? `${response.object.metadata.name ?? ''}-mutated` : `${response.policy.metadata.name ?? ''}-generated`
      const file = single ? target : join(target, `${name}.yaml`)
      if (!single && !begun.has(file)) await rm(file, { force: true })
      begun.add(file)
      await appendFile(file, `${formatYaml(object as unknown as Json)}---\n`, { mode: 0o600 })
    }
  }
}
