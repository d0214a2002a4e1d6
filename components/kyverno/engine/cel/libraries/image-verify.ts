import { CelFault, celToJson, dynType, global, intType, jsonToCel, listType, stringType, type CelLibrary, type CelValue } from '@idp/lang-cel'
import type { JsonObject } from '@idp/formats'
import type { CelPolicySpec } from '../../../kinds/cel-policy.ts'
import type { Run } from '../run-context.ts'

/** What the functions of one evaluation of an image policy act on. */
export interface VerifyState { readonly run: Run; readonly spec: CelPolicySpec; isMatched(image: string): boolean; verified(image: string): void; /** The attestors that signed an attestation of an image in this evaluation. */ readonly attested: Map<string, readonly JsonObject[]> }

/** Where the functions find the evaluation they are part of: they have no receiver. Set for the length of one synchronous evaluation. */
export interface VerifyHolder { state: VerifyState | undefined }

/** `verifyImageSignatures`, `verifyAttestationSignatures`, `extractPayload`, `getImageData`. Signatures are counted: how many attestors signed. */
export function imageVerifyLibrary(holder: VerifyHolder): CelLibrary {
  const state = (): VerifyState => {
    if (holder.state === undefined) throw new CelFault('images are verified by image policies only')
    return holder.state
  }
  const attestation = (name: string): JsonObject => {
    const found = state().spec.attestations?.find((one) => one.name === name)
    if (found === undefined) throw new CelFault(`attestation not found in policy: ${name}`)
    return found as unknown as JsonObject
  }
  const count = (image: string, attestors: readonly JsonObject[], attested?: JsonObject): CelValue => {
    const { run: { lookups, source }, isMatched, verified, attested: known } = state()
    if (!isMatched(image)) return 0
    const signed = attestors.filter((attestor) => lookups.ask(`signed ${image} ${JSON.stringify([attestor, attested ?? null])}`, () => source.isSigned({ image, attestor, ...(attested === undefined ? {} : { attestation: attested }) })) === true)
    if (signed.length > 0) verified(image)
    if (signed.length > 0 && attested !== undefined) known.set(`${image} ${String(attested['name'])}`, signed)
    return signed.length
  }
  const attestorsOf = (value: CelValue | undefined): readonly JsonObject[] => celToJson(value ?? []) as JsonObject[]
  return {
    name: 'kyverno.imageverify',
    functions: [
      { name: 'verifyImageSignatures', overloads: [global([stringType, listType(dynType)], intType, (image, attestors) => count(String(image), attestorsOf(attestors)))] },
      { name: 'verifyAttestationSignatures', overloads: [global([stringType, stringType, listType(dynType)], intType, (image, name, attestors) => count(String(image), attestorsOf(attestors), attestation(String(name))))] },
      { name: 'extractPayload', overloads: [global([stringType, stringType], dynType, (image, name) => {
        const { run: { lookups, source }, attested } = state()
        const wanted = attestation(String(name))
        const signers = attested.get(`${String(image)} ${String(name)}`)
        if (signers === undefined) throw new CelFault(`payload of ${String(name)} cannot be read before verifyAttestationSignatures has found a signature`)
        return lookups.ask(`payload ${String(image)} ${String(name)} ${JSON.stringify(signers)}`, async () => jsonToCel(await source.payload(String(image), wanted, signers)))
      })] },
      { name: 'getImageData', overloads: [global([stringType], dynType, (image) => {
        const { run: { lookups, source } } = state()
        return lookups.ask(`image ${String(image)}`, async () => jsonToCel(await source.imageData(String(image))))
      })] },
    ],
  }
}
