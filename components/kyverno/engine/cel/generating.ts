import { CodedError } from '@idp/kit'
import type { AnyObject, JsonObject } from '@idp/formats'
import type { CelOutcome, Subject } from './evaluate-cel.ts'
import { auditAnnotations } from './validating.ts'

/** What `generator.Apply` was given, and what templates make. */
export function generating({ compiled, evaluated, run, policy }: Subject): CelOutcome {
  for (const generation of compiled.generations) {
    if ('program' in generation) {
      evaluated.value(generation.program)
      continue
    }
    for (const object of generation.template.render((program) => evaluated.json(program))) {
      const own = (object['metadata'] as JsonObject | undefined)?.['namespace'] as string | undefined
      if (run.namespace !== '' && own !== undefined && own !== run.namespace) {
        throw new CodedError({ code: 'CelEvaluation', message: `cross-namespace generation denied: a policy in namespace "${run.namespace}" cannot generate resources into namespace "${own}"` })
      }
      run.generated.push({ namespace: own ?? run.namespace, object })
    }
  }
  const generated = run.generated.map(({ namespace, object }) => placed(object, namespace))
  return { rule: policy.metadata.name ?? '', verdict: 'pass', message: 'policy evaluated successfully', generated, annotations: auditAnnotations(compiled.annotations, evaluated) }
}

/** A copy has what its source says and none of what the API server keeps. */
function placed(object: JsonObject, namespace: string): AnyObject {
  const { uid: _uid, resourceVersion: _version, creationTimestamp: _created, managedFields: _fields, selfLink: _link, ownerReferences, namespace: from, ...metadata } = (object['metadata'] ?? {}) as JsonObject
  const keeps = ownerReferences !== undefined && (from === undefined || from === namespace)
  const { status: _status, ...rest } = object
  return { ...rest, metadata: { ...metadata, ...(keeps ? { ownerReferences } : {}), ...(namespace === '' ? {} : { namespace }) } } as unknown as AnyObject
}
