import { ApiError } from '@idp/api'
import { rfc3339 } from '@idp/kit'
import { answerJson } from '../answer.ts'
import { cloneJson, fieldAt, isRecord, setFieldAt } from '../json-value.ts'
import { conflict } from '../object-storage.ts'
import type { ResourceRequest } from '../server-context.ts'
import { contentTypeOf, parseBody, readBody } from '../verbs/request-body.ts'
import { updateObject } from '../verbs/write-object.ts'
import { writeParameters } from '../verbs/write-options.ts'

/** POST `pods/x/binding`: gives the pod to a node, once. */
export async function bindPod(request: ResourceRequest): Promise<Response> {
  const { resource, info, server } = request
  if (info.verb !== 'create') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const binding = parseBody(await readBody(request.request), contentTypeOf(request.request))
  const node = fieldAt(binding, ['target', 'name'])
  if (typeof node !== 'string' || node === '') throw new ApiError('Invalid', `Binding "${info.name}" is invalid: target.name: Required value`)
  const uid = fieldAt(binding, ['metadata', 'uid'])
  await updateObject({ ...request, info: { ...info, subresource: 'binding' } }, {
    next(shared) {
      const live = cloneJson(shared)
      if (typeof uid === 'string' && uid !== '' && uid !== live.metadata.uid) throw conflict(resource, info.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid ?? ''}`)
      if (live.metadata.deletionTimestamp !== undefined) throw conflict(resource, info.name, `pod ${info.name} is being deleted, cannot be assigned to a host`)
      const current = fieldAt(live, ['spec', 'nodeName'])
      if (typeof current === 'string' && current !== '') throw conflict(resource, info.name, `pod ${info.name} is already assigned to node ${JSON.stringify(current)}`)
      setFieldAt(live, ['spec', 'nodeName'], node)
      const annotations = fieldAt(binding, ['metadata', 'annotations'])
      if (isRecord(annotations)) live.metadata.annotations = { ...live.metadata.annotations, ...(annotations as Record<string, string>) }
      const now = rfc3339(server.clock.now())
      const conditions = fieldAt(live, ['status', 'conditions'])
      const others = Array.isArray(conditions) ? conditions.filter((condition) => !isRecord(condition) || condition['type'] !== 'PodScheduled') : []
      setFieldAt(live, ['status', 'conditions'], [...others, { lastProbeTime: null, lastTransitionTime: now, status: 'True', type: 'PodScheduled' }])
      return live
    },
  }, writeParameters(request))
  return answerJson({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, 201)
}
