import type { JsonObject } from '@idp/formats'
import { CodedError, isCoded } from '@idp/kit'
import type { CelSource, SignatureQuestion } from '../engine/cel/cel-source.ts'
import { imageData } from '../engine/images/registry-client.ts'
import { verifyImage, type ImageTrust } from '../engine/images/verify-image.ts'
import type { AttestorEntry, AttestorSet, CtlogOptions, RekorOptions } from '../kinds/image-verification.ts'

interface Cosign {
  readonly key?: { readonly data?: string; readonly kms?: string; readonly hashAlgorithm?: string }
  readonly keyless?: { readonly identities?: readonly { readonly issuer?: string; readonly issuerRegExp?: string; readonly subject?: string; readonly subjectRegExp?: string }[]; readonly roots?: string }
  readonly certificate?: { readonly cert?: { readonly value?: string }; readonly certChain?: { readonly value?: string } }
  readonly ctlog?: { readonly rekorPubKey?: string; readonly insecureIgnoreTlog?: boolean; readonly insecureIgnoreSCT?: boolean }
  readonly source?: { readonly repository?: string }
  readonly annotations?: Readonly<Record<string, string>>
}

/** Signatures and image data for policies of policies.kyverno.io, verified as rules of ClusterPolicies have it. Notary attestors are refused by name. */
export function celImageSource(trust: ImageTrust): Pick<CelSource, 'imageData' | 'isSigned' | 'payload'> {
  return {
    imageData: (image) => imageData(trust.registry(undefined), image),
    async isSigned({ image, attestor, attestation }) {
      const set = attestorSet(attestor)
      try {
        await verifyImage(attestation === undefined ? { attestors: [set] } : { attestations: [{ type: typeOf(attestation), attestors: [set] }] }, image, { scope: {}, trust })
        return true
      } catch (error) {
        if (isCoded(error, 'NotVerified')) return false
        throw error
      }
    },
    async payload(image, attestation, attestors) {
      // Anyone can leave a statement beside an image: only what these attestors signed is read.
      const { statements } = await verifyImage({ attestations: [{ name: 'it', type: typeOf(attestation), attestors: attestors.map(attestorSet) }] }, image, { scope: {}, trust })
      return statements['it'] ?? null
    },
  }
}

function typeOf(attestation: JsonObject): string {
  const type = (attestation['intoto'] as { type?: string } | undefined)?.type
  if (type === undefined) throw new CodedError({ code: 'Unsupported', message: 'unsupported: attestations by referrer are not supported by this engine' })
  return type
}

/** An attestor of an image policy as a set of entries of which one must have signed. */
function attestorSet(attestor: SignatureQuestion['attestor']): AttestorSet {
  const cosign = attestor['cosign'] as Cosign | undefined
  if (cosign === undefined) throw new CodedError({ code: 'Unsupported', message: 'unsupported: notary attestors are not supported by this engine' })
  const { key, keyless, certificate, ctlog = {}, source, annotations } = cosign
  const rekor: RekorOptions = { ...(ctlog.insecureIgnoreTlog === undefined ? {} : { ignoreTlog: ctlog.insecureIgnoreTlog }), ...(ctlog.rekorPubKey === undefined ? {} : { pubkey: ctlog.rekorPubKey }) }
  const timestamps: CtlogOptions = ctlog.insecureIgnoreSCT === undefined ? {} : { ignoreSCT: ctlog.insecureIgnoreSCT }
  const common = { ...(source?.repository === undefined ? {} : { repository: source.repository }), ...(annotations === undefined ? {} : { annotations }) }
  const entries: AttestorEntry[] = []
  if (key !== undefined) entries.push({ ...common, keys: { publicKeys: key.data ?? '', ...(key.kms === undefined ? {} : { kms: key.kms }), ...(key.hashAlgorithm === undefined ? {} : { signatureAlgorithm: key.hashAlgorithm }), rekor } })
  if (certificate !== undefined) entries.push({ ...common, certificates: { cert: certificate.cert?.value ?? '', certChain: certificate.certChain?.value ?? '', rekor } })
  for (const identity of keyless?.identities ?? []) entries.push({ ...common, keyless: { ...identity, ...(keyless?.roots === undefined ? {} : { roots: keyless.roots }), rekor, ctlog: timestamps } })
  return { count: 1, entries }
}
