import { cloneJson, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { isCoded, messageOf } from '@idp/kit'
import type { ImageVerification } from '../../kinds/image-verification.ts'
import type { PolicyObject, Rule } from '../../kinds/policy.ts'
import { conditionsHold } from '../conditions.ts'
import type { ContextSource, Request } from '../context.ts'
import { isExcepted, type PolicyException } from '../exceptions.ts'
import { imagesOf } from '../images.ts'
import { ruleMatches } from '../match-resource.ts'
import { ruleScope, type RuleResult } from '../validate-rule.ts'
import { substitute, type Scope } from '../variables.ts'
import type { Verdict } from '../verdict.ts'
import { wildcardTest } from '../wildcard.ts'
import { extractedImages, type ImageExtractor } from './extracted-images.ts'
import { attestorSets, verifyImage, type ImageTrust } from './verify-image.ts'

/** Where Kyverno notes which images of an object it has verified. */
export const verifiedAnnotation = 'kyverno.io/verify-images'

/** One image of an object. */
interface ImageField { readonly text: string; readonly reference: string; readonly withTag: string; readonly digest: string; readonly pointer: string; /** Made from the field's text by an expression: no digest can be put there. */ readonly isDerived: boolean }

export interface VerifyOptions { readonly source: ContextSource; readonly trust: ImageTrust; readonly exceptions?: readonly PolicyException[] }

/** A rule's word, and the object with digests in place of tags and the note of what was verified. */
export interface VerifyResult { readonly result: RuleResult; readonly object: AnyObject }

/** Verifies the images of a resource as a rule's `verifyImages` asks (the mutating webhook). Images that an update leaves as they were verified before are not asked for again. Undefined where the rule is not about the resource or any of its images. */
export async function verifyImagesRule(policy: PolicyObject, rule: Rule, request: Request, { source, trust, exceptions = [] }: VerifyOptions): Promise<VerifyResult | undefined> {
  if (!ruleMatches(rule, request)) return undefined
  const excepted = exceptions.length === 0 ? undefined : isExcepted(exceptions, policy, rule, request)
  const say = (asked: ImageVerification | undefined, verdict: Verdict, message: string): RuleResult => ({ policy: policy.metadata.name ?? '', rule: rule.name, verdict, message, enforced: isEnforced(policy, asked) })
  if (excepted !== undefined) return { result: say(undefined, excepted.verdict, excepted.message), object: request.object }
  let at: ImageVerification | undefined
  try {
    const scope = await ruleScope(policy.metadata.name ?? '', rule, request, source)
    if (!conditionsHold(rule.preconditions, scope, 'null')) return { result: say(undefined, 'skip', 'preconditions not met'), object: request.object }
    const before = noted(request.oldObject)
    const done = new Map<string, string>()
    const pinned: string[] = []
    let object = request.object
    for (const asked of verifications(rule)) {
      at = asked
      for (const image of imagesFor(asked, fieldsOf(object, rule), scope)) {
        const key = image.digest === '' ? undefined : before[image.reference]
        if (key === 'pass' && image.digest !== '') {
          done.set(image.reference, 'pass')
          continue
        }
        // Without attestors there is nothing to verify: the digest is put in place, and the image is not noted as verified.
        if (!hasAttestors(asked) && (asked.mutateDigest === false || image.digest !== '')) continue
        const verified = await verifyImage(asked, image.reference, { scope, trust })
        checkStatements(asked, { ...verified.statements, ...scope }, image.reference)
        const digested = image.digest === '' ? `${image.withTag}@${verified.digest}` : image.text
        if (hasAttestors(asked)) done.set(digested, 'pass')
        else pinned.push(digested)
        if (asked.mutateDigest !== false && !image.isDerived && digested !== image.text) object = withField(object, image.pointer, digested)
        else if (digested !== image.text && hasAttestors(asked)) done.set(image.reference, 'pass')
      }
    }
    if (done.size === 0) {
      const clean = withoutNote({ ...request, object })
      return pinned.length === 0 && clean === object ? undefined : { result: say(at, 'pass', pinned.length === 0 ? 'nothing to verify' : `mutated image digest: ${pinned.join(', ')}`), object: clean }
    }
    return { result: say(at, 'pass', `verified image signatures for ${[...done.keys()].join(', ')}`), object: withNote(object, Object.fromEntries(done)) }
  } catch (error) {
    return { result: say(at, isCoded(error, 'RegistryFailed') || isCoded(error, 'TimeLimit') ? 'error' : 'fail', messageOf(error)), object: withoutNote(request) }
  }
}

/** Whether the images of a resource have a digest and were verified, as a rule asks (the validating webhook). Undefined where the rule is not about any of them. */
export async function checkImagesRule(policy: PolicyObject, rule: Rule, request: Request, { source, exceptions = [] }: Omit<VerifyOptions, 'trust'>): Promise<RuleResult | undefined> {
  if (request.operation === 'DELETE' || !ruleMatches(rule, request)) return undefined
  if (exceptions.length > 0 && isExcepted(exceptions, policy, rule, request) !== undefined) return undefined
  const scope = await ruleScope(policy.metadata.name ?? '', rule, request, source)
  if (!conditionsHold(rule.preconditions, scope, 'null')) return undefined
  const notes = noted(request.object)
  let looked = false
  for (const asked of verifications(rule)) {
    const say = (verdict: Verdict, message: string): RuleResult => ({ policy: policy.metadata.name ?? '', rule: rule.name, verdict, message, enforced: isEnforced(policy, asked) })
    for (const image of imagesFor(asked, fieldsOf(request.object, rule), scope)) {
      looked = true
      if (asked.verifyDigest !== false && image.digest === '') return say('fail', `missing digest for ${image.reference}`)
      const key = image.digest === '' ? image.reference : image.text
      if (asked.required !== false && notes[key] !== 'pass' && notes[image.reference] !== 'pass') return say('fail', `unverified image ${image.reference}`)
    }
  }
  return looked ? { policy: policy.metadata.name ?? '', rule: rule.name, verdict: 'pass', message: 'image verified', enforced: isEnforced(policy, verifications(rule)[0]) } : undefined
}

const hasAttestors = (asked: ImageVerification): boolean => attestorSets(asked).length + (asked.attestations ?? []).length > 0
const verifications = (rule: Rule): readonly ImageVerification[] => (rule['verifyImages'] ?? []) as readonly ImageVerification[]
const isEnforced = ({ spec }: PolicyObject, asked: ImageVerification | undefined): boolean => (asked?.failureAction ?? spec.validationFailureAction ?? 'Audit').toLowerCase() === 'enforce'

/** The images of an object that an entry names and does not skip. */
function imagesFor(asked: ImageVerification, fields: readonly ImageField[], scope: Scope): ImageField[] {
  const patterns = (given: readonly string[]): ((text: string) => boolean)[] => given.map((one) => wildcardTest(String(substitute(one as Json, scope))))
  const [wanted, skipped] = [patterns([...(asked.imageReferences ?? []), ...(asked.image === undefined ? [] : [asked.image])]), patterns(asked.skipImageReferences ?? [])]
  const means = (tests: readonly ((text: string) => boolean)[], { reference, withTag }: ImageField): boolean => tests.some((test) => test(reference) || test(withTag))
  return fields.filter((image) => means(wanted, image) && !means(skipped, image))
}

/** The images of a pod, of a pod controller, or where the rule says that a kind names them. */
function fieldsOf(object: AnyObject, rule: Rule): ImageField[] {
  const extractors = (rule['imageExtractors'] as Readonly<Record<string, readonly ImageExtractor[]>> | undefined)?.[object.kind]
  const found = extractors === undefined ? imagesOf(object as unknown as JsonObject) ?? {} : extractedImages(object as unknown as JsonObject, extractors)
  return Object.values(found).flatMap((list) => Object.values(list as JsonObject)).map((one) => {
    const { reference, referenceWithTag, digest, jsonPointer, text } = one as unknown as { reference: string; referenceWithTag: string; digest: string; jsonPointer: string; text?: string }
    return { reference, withTag: referenceWithTag, digest, pointer: jsonPointer, isDerived: text !== undefined, text: text ?? String(jsonPointer.split('/').slice(1).reduce<Json | undefined>((at, key) => (at as JsonObject | undefined)?.[key], object as unknown as Json)) }
  })
}

function checkStatements({ validate }: ImageVerification, scope: Scope, image: string): void {
  if (validate?.deny !== undefined && conditionsHold(validate.deny.conditions, scope, 'null')) throw new Error(String(substitute((validate.message ?? `image verification validate failed for ${image}`) as Json, scope, { missing: 'null' })))
}

/** What an object's annotation says of its images; nothing where it cannot be read. */
function noted(object: AnyObject | undefined): Readonly<Record<string, string>> {
  try {
    return JSON.parse(object?.metadata.annotations?.[verifiedAnnotation] ?? '{}') as Record<string, string>
  } catch {
    return {} // somebody else's text: nothing was verified
  }
}

/** The object without a note that the request wrote itself. */
function withoutNote({ object, oldObject }: Request): AnyObject {
  const text = object.metadata.annotations?.[verifiedAnnotation]
  if (text === undefined || ours.has(object) || text === oldObject?.metadata.annotations?.[verifiedAnnotation]) return object
  const { [verifiedAnnotation]: _forged, ...annotations } = object.metadata.annotations ?? {}
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/** The note is Kyverno's alone: what a request writes there is not taken over. */
function withNote(object: AnyObject, note: Readonly<Record<string, string>>): AnyObject {
  const added = { ...ours.get(object), ...note }
  const made = { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [verifiedAnnotation]: JSON.stringify(added) } } }
  ours.set(made, added)
  return made
}
/** Notes that rules before wrote on the object of the same request. */
const ours = new WeakMap<AnyObject, Readonly<Record<string, string>>>()

function withField(object: AnyObject, pointer: string, value: Json): AnyObject {
  const made = cloneJson(object as unknown as JsonObject)
  const keys = pointer.split('/').slice(1)
  const holder = keys.slice(0, -1).reduce<JsonObject>((at, key) => at[key] as JsonObject, made)
  holder[keys.at(-1) ?? ''] = value
  const known = ours.get(object)
  if (known !== undefined) ours.set(made as unknown as AnyObject, known)
  return made as unknown as AnyObject
}
