import { celToJson, type CelValue } from '@idp/lang-cel'
import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { verifying } from './environment.ts'
import type { CelOutcome, Subject } from './evaluate-cel.ts'
import { auditAnnotations, isTrue, messageFor } from './validating.ts'

/** The images of a resource that the policy's references name are judged; a resource without any passes. */
export function validatingImages(subject: Subject): CelOutcome {
  const { compiled, request, run, policy } = subject
  const { spec } = compiled
  const isMatched = (image: string): boolean => compiled.references.length === 0 || compiled.references.some((matches) => matches(image))
  const found = imagesOf(subject)
  const images = Object.fromEntries(Object.entries(found).map(([name, list]) => [name, list.filter(isMatched)]))
  const matched = Object.values(images).flat()
  const rule = policy.metadata.name ?? ''
  if (matched.length === 0 && request.object.kind !== '') return { rule, verdict: 'pass', message: 'success' }
  const { required = true, verifyDigest = true } = spec.validationConfigurations ?? {}
  const unpinned = verifyDigest ? matched.find((image) => !image.includes('@')) : undefined
  if (unpinned !== undefined) return { rule, verdict: 'fail', message: `image ${unpinned} does not have a digest` }
  const verified = new Set<string>()
  const evaluated = subject.evaluated.with({
    images: images as CelValue, attestors: Object.fromEntries((spec.attestors ?? []).map((one) => [one.name, one as unknown as CelValue])),
    attestations: Object.fromEntries((spec.attestations ?? []).map(({ name }) => [name, name])),
  })
  verifying.state = { run, spec, isMatched, verified: (image) => verified.add(image), attested: new Map() }
  try {
    for (const [index, validation] of compiled.validations.entries()) {
      if (isTrue(validation, evaluated)) continue
      return { rule, verdict: 'fail', message: messageFor(validation, index, evaluated), annotations: auditAnnotations(compiled.annotations, evaluated) }
    }
    const unverified = required && (spec.attestors ?? []).length > 0 ? matched.find((image) => !verified.has(image)) : undefined
    if (unverified !== undefined) return { rule, verdict: 'fail', message: `image ${unverified} is not verified` }
    return { rule, verdict: 'pass', message: 'success', annotations: auditAnnotations(compiled.annotations, evaluated) }
  } finally {
    verifying.state = undefined
  }
}

const lists = ['containers', 'initContainers', 'ephemeralContainers'] as const
const paths: Readonly<Record<string, readonly string[]>> = { Pod: ['spec'], CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'] }
const templates = ['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet', 'Job']

/** The images of pods and their controllers by list of containers, and those that the policy's own expressions find. */
function imagesOf({ compiled, evaluated, request: { object } }: Subject): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  const spec = podSpecOf(object)
  if (spec !== undefined) for (const list of lists) found[list] = ((spec[list] ?? []) as JsonObject[]).flatMap(({ image }) => (typeof image === 'string' ? [image] : []))
  for (const [name, program] of compiled.images) found[name] = (celToJson(evaluated.value(program)) as Json[]).map(String)
  return found
}

function podSpecOf(object: AnyObject): JsonObject | undefined {
  const path = paths[object.kind] ?? (templates.includes(object.kind) ? ['spec', 'template', 'spec'] : undefined)
  return path?.reduce<JsonObject | undefined>((value, key) => value?.[key] as JsonObject | undefined, object as unknown as JsonObject)
}
