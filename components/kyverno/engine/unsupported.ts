import type { AttestorEntry, AttestorSet, ImageVerification } from '../kinds/image-verification.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import type { ManifestsRule } from './manifests.ts'

/** Names of the features in a policy that this engine does not carry out, e.g. `rules[0].verifyImages[0].type: Notary`; empty when it does all. A policy with one is refused at admission. */
export function unsupportedFeatures(policy: PolicyObject): string[] {
  return policy.spec.rules.flatMap((rule, index) => [...verifications(rule, `rules[${index}]`), ...manifests(rule, `rules[${index}]`)])
}

function verifications(rule: Rule, at: string): string[] {
  const entries = (rule['verifyImages'] ?? []) as readonly ImageVerification[]
  return entries.flatMap((one, index) => {
    const path = `${at}.verifyImages[${index}]`
    return [
      ...(one.type === undefined || one.type === 'Cosign' ? [] : [`${path}.type: ${one.type}`]), ...(one.cosignOCI11 === true ? [`${path}.cosignOCI11`] : []), ...(one.imageRegistryCredentials?.providers ?? []).filter((provider) => provider !== 'default').map((provider) => `${path}.imageRegistryCredentials.providers: ${provider}`),
      ...sets(one.attestors, `${path}.attestors`), ...(one.attestations ?? []).flatMap((attestation, number) => sets(attestation.attestors, `${path}.attestations[${number}].attestors`)),
    ]
  })
}

function manifests(rule: Rule, at: string): string[] {
  const asked = rule.validate?.['manifests'] as ManifestsRule | undefined
  return asked === undefined ? [] : [...(asked.repository === undefined ? [] : [`${at}.validate.manifests.repository`]), ...sets(asked.attestors, `${at}.validate.manifests.attestors`)]
}

const sets = (given: readonly AttestorSet[] | undefined, path: string): string[] => (given ?? []).flatMap((set, index) => (set.entries ?? []).flatMap((entry, number) => ofEntry(entry, `${path}[${index}].entries[${number}]`)))

function ofEntry({ keys, keyless, attestor }: AttestorEntry, path: string): string[] {
  return [
    ...(keys?.kms === undefined && !/^\w+kms:/.test(keys?.publicKeys ?? '') ? [] : [`${path}.keys.kms`]),
    // A timestamp of the certificate log is not verified here: who does not need it says so.
    ...(keyless === undefined || keyless.ctlog?.ignoreSCT === true ? [] : [`${path}.keyless without ctlog.ignoreSCT`]),
    ...(attestor === undefined ? [] : sets([attestor], `${path}.attestor`)),
  ]
}
