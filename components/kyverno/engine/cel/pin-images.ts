import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { CelPolicy } from '../../kinds/cel-policy.ts'
import type { Request } from '../context.ts'
import { imagesOf } from '../images.ts'
import { compileCelPolicy } from './compile-policy.ts'
import { triggers, type CelContext } from './evaluate-cel.ts'

interface Found { readonly reference: string; readonly digest?: string; readonly jsonPointer: string }

/**
 * The resource with the digest of every image an image policy is about behind its tag (`mutateDigest`, on unless turned off). Nothing is verified here: the validating webhook looks at the very digest.
 * Throws CodedError `MutationFailed` where a registry does not tell.
 */
export async function pinImages(policy: CelPolicy, request: Request, context: CelContext): Promise<AnyObject> {
  const { object } = request
  const { evaluation, validationConfigurations } = policy.spec
  if (validationConfigurations?.mutateDigest === false || !['Kubernetes', undefined, ''].includes(evaluation?.mode) || !(await triggers(policy, request, context))) return object
  const { references = [] } = compileCelPolicy(policy).specs[0] ?? {}
  const unpinned = Object.values(imagesOf(object as unknown as JsonObject) ?? {})
    .flatMap((list) => Object.values(list as JsonObject) as unknown as Found[])
    .filter(({ digest = '', reference }) => digest === '' && (references.length === 0 || references.some((matches) => matches(reference))))
  if (unpinned.length === 0) return object
  const pinned = structuredClone(object)
  for (const { reference, jsonPointer } of unpinned) setAt(pinned as unknown as JsonObject, jsonPointer, `${reference}@${await digestOf(reference, context)}`)
  return pinned
}

async function digestOf(image: string, { source }: CelContext): Promise<string> {
  const failed = (why: string): CodedError => new CodedError({ code: 'MutationFailed', message: `failed to resolve digest for image ${image}: ${why}`, where: image })
  const { resolvedImage = '' } = (await source.imageData(image).catch((error: unknown) => { throw failed(messageOf(error)) })) as { resolvedImage?: string }
  const digest = resolvedImage.split('@')[1]
  if (digest === undefined) throw failed('the registry names none')
  return digest
}

function setAt(object: JsonObject, pointer: string, value: Json): void {
  const keys = pointer.slice(1).split('/')
  const last = keys.pop() ?? ''
  const parent = keys.reduce<Json | undefined>((at, key) => (at as JsonObject | undefined)?.[key], object)
  ;(parent as JsonObject)[last] = value
}
