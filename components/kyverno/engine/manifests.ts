import { gunzipSync } from 'node:zlib'
import { applyBuiltInDefaults, parseApiVersion } from '@idp/api'
import { cloneJson, deepEqual, parseYamlDocuments, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { AttestorSet } from '../kinds/image-verification.ts'
import { verifySet, type TrustOptions } from './images/attestors.ts'
import type { CosignSignature } from './images/cosign-signatures.ts'
import { wildcardTest } from './wildcard.ts'

/** `validate.manifests`: the YAML that was signed is kept in the object's annotations, and the object is as it says. */
export interface ManifestsRule {
  readonly attestors?: readonly AttestorSet[]
  readonly annotationDomain?: string
  readonly ignoreFields?: readonly { readonly fields?: readonly string[]; readonly objects?: readonly { readonly kind?: string; readonly name?: string; readonly namespace?: string }[] }[]
  readonly repository?: string
  readonly dryRun?: { readonly enable?: boolean }
}

/** Fields that the API server and its controllers write. */
const ownFields = ['metadata.namespace', 'metadata.managedFields', 'metadata.resourceVersion', 'metadata.selfLink', 'metadata.creationTimestamp', 'metadata.uid', 'metadata.generation', 'metadata.finalizers', 'metadata.annotations.kubectl.kubernetes.io/last-applied-configuration', 'metadata.annotations.deployment.kubernetes.io/revision',
  'status', 'spec.clusterIP', 'spec.clusterIPs', 'spec.ipFamilies', 'spec.ipFamilyPolicy', 'spec.ports.*.nodePort', 'spec.nodeName', 'spec.serviceAccount', 'spec.priority', 'spec.preemptionPolicy', 'spec.tolerations']
const maxMessage = 2 ** 20

/** Why an object is not what its attestors signed; undefined when it is. */
export async function manifestProblem(rule: ManifestsRule, object: AnyObject, trust: TrustOptions): Promise<string | undefined> {
  if (rule.repository !== undefined) return 'unsupported: manifests.repository is not supported by this engine'
  const domain = rule.annotationDomain ?? 'cosign.sigstore.dev'
  const annotations = object.metadata.annotations ?? {}
  const message = annotations[`${domain}/message`]
  if (message === undefined) return `failed to verify signature: the object has no annotation ${domain}/message`
  try {
    const signed = gunzipSync(Buffer.from(message, 'base64'), { maxOutputLength: maxMessage })
    const signatures = signaturesIn(annotations, domain, signed)
    for (const [index, set] of (rule.attestors ?? []).entries()) await verifySet(withoutLog(set), async () => signatures, { claim: () => undefined, trust, path: `.attestors[${index}]` })
    const wanted = documentsIn(signed).find((one) => one.apiVersion === object.apiVersion && one.kind === object.kind && (one.metadata.name === object.metadata.name || one.metadata.generateName === object.metadata.generateName && one.metadata.generateName !== undefined))
    if (wanted === undefined) return `failed to verify signature: the signed message holds no ${object.kind} ${object.metadata.name ?? ''}`
    const ignored = [...ownFields, `metadata.annotations.${domain}/*`, ...(rule.ignoreFields ?? []).filter(({ objects = [] }) => objects.some((one) => isMeant(one, object))).flatMap(({ fields = [] }) => fields)].map(wildcardTest)
    const differing = differences(defaulted(wanted), defaulted(object), '').filter((path) => !path.split('.').some((_key, index, keys) => ignored.some((test) => test(keys.slice(0, index + 1).join('.')))))
    return differing.length === 0 ? undefined : `failed to verify signature: diff found between the object and the signed manifest: ${differing.slice(0, 10).join(', ')}`
  } catch (error) {
    return `failed to verify signature: ${messageOf(error)}`
  }
}

/** Signatures of YAML are over the text alone; there is no log to ask. */
const withoutLog = (set: AttestorSet): AttestorSet => ({ ...set, entries: (set.entries ?? []).map((entry) => ({ ...entry, ...(entry.keys === undefined ? {} : { keys: { ...entry.keys, rekor: { ignoreTlog: true, ...entry.keys.rekor } } }), ...(entry.attestor === undefined ? {} : { attestor: withoutLog(entry.attestor) }) })) })

/** `signature`, `signature_1`, … with the certificates of the same number. */
function signaturesIn(annotations: Readonly<Record<string, string>>, domain: string, data: Buffer): CosignSignature[] {
  const pem = (text: string | undefined): string => (text === undefined ? '' : text.includes('BEGIN') ? text : inflated(Buffer.from(text, 'base64')).toString())
  return Object.keys(annotations).flatMap((key): CosignSignature[] => {
    const suffix = /^signature(_\d+)?$/.exec(key.startsWith(`${domain}/`) ? key.slice(domain.length + 1) : '')
    if (suffix === null) return []
    const number = suffix[1] ?? ''
    return [{ data, signatures: [Buffer.from(annotations[key] ?? '', 'base64')], document: {}, certificate: pem(annotations[`${domain}/certificate${number}`]), chain: '', bundle: undefined }]
  })
}

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b
const inflated = (bytes: Buffer): Buffer => (isGzip(bytes) ? gunzipSync(bytes, { maxOutputLength: maxMessage }) : bytes)

/** The objects in a message: YAML, or a compressed archive of YAML files. */
function documentsIn(message: Buffer): AnyObject[] {
  const texts = isGzip(message) ? filesIn(inflated(message)) : [message.toString()]
  return texts.flatMap((text) => parseYamlDocuments(text).map(({ value }) => value as unknown as AnyObject)).filter((one) => one !== null && typeof one.metadata === 'object')
}

/** The texts of a tar archive's files. */
function filesIn(archive: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at + 512 <= archive.length;) {
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 136).replaceAll('\0', '').trim() || '0', 8)
    const type = archive[at + 156]
    if (archive[at] === 0 || Number.isNaN(size)) break
    if (size > maxMessage) throw new CodedError({ code: 'InvalidManifest', message: 'a file in the signed message is too long' })
    if (type === 0x30 || type === 0) texts.push(archive.toString('utf8', at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return texts
}

/** With what the API server would fill in, on both sides. */
function defaulted(object: AnyObject): Json {
  const copy = cloneJson(object as unknown as JsonObject) as unknown as AnyObject
  applyBuiltInDefaults({ ...parseApiVersion(copy.apiVersion), kind: copy.kind }, copy)
  return copy as unknown as Json
}

/** Paths at which two values differ, missing fields on either side included. */
function differences(wanted: Json | undefined, have: Json | undefined, path: string): string[] {
  const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
  // A map that one side has not is looked at field by field: some of them may not count.
  if (wanted === undefined) return isMap(have) ? differences({}, have, path) : [path]
  if (have === undefined) return isMap(wanted) && Object.keys(wanted).length > 0 ? differences(wanted, {}, path) : [path]
  if (deepEqual(wanted, have)) return []
  if (typeof wanted !== 'object' || typeof have !== 'object' || wanted === null || have === null || Array.isArray(wanted) !== Array.isArray(have)) return [path]
  const [a, b] = [wanted as JsonObject, have as JsonObject]
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) => differences(a[key], b[key], path === '' ? key : `${path}.${key}`))
}

function isMeant({ kind = '*', name = '*', namespace = '*' }: { readonly kind?: string; readonly name?: string; readonly namespace?: string }, object: AnyObject): boolean {
  return wildcardTest(kind)(object.kind) && wildcardTest(name)(object.metadata.name ?? '') && wildcardTest(namespace)(object.metadata.namespace ?? '')
}
