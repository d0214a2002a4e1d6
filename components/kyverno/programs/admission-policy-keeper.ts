import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { admissionObjectsFor } from '../engine/cel/admission-policy-objects.ts'
import type { CelPolicies } from './cel-policies.ts'

const kinds = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding', 'MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding']

/** Writes the admission policies and bindings that policies ask for, as far as the API server serves their kinds, and deletes those that are not asked for any more. Kyverno's own webhook keeps deciding too. */
export async function keepAdmissionPolicies(client: Client, cel: CelPolicies): Promise<void> {
  const { exceptions } = cel.world()
  const wanted = new Map(cel.list().flatMap((policy) => {
    const made = admissionObjectsFor(policy, exceptions)
    return made === undefined ? [] : [made.policy, made.binding].map((object) => [`${object.kind}/${object.metadata.name ?? ''}`, object] as const)
  }))
  for (const kind of cel.served().filter(({ group, kind: name }) => group === 'admissionregistration.k8s.io' && kinds.includes(name)) as unknown as readonly Kind<KubeObject>[]) {
    const { items } = await client.list(kind, { labelSelector: 'app.kubernetes.io/managed-by=kyverno' })
    for (const object of wanted.values()) if (object.kind === kind.kind) await client.apply(kind, { ...object, apiVersion: `${kind.group}/${kind.version}` }, { fieldManager: 'kyverno', force: true })
    for (const { metadata: { name = '' } } of items) {
      if (!/^[vm]pol-/.test(name) || wanted.has(`${kind.kind}/${name}`)) continue
      await client.delete(kind, name, {}).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
    }
  }
}
