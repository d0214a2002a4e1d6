import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { EventRecorder, Informer } from '@idp/controller'
import { applyMergePatch, createMergePatch, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import type { GenerationSource } from '../engine/generate.ts'
import { mutateTargets, type TargetResult } from '../engine/mutate-existing.ts'
import { keyOf, requestIn } from '../engine/update-request.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import { UpdateRequestKind, type UpdateRequest } from '../kinds/update-request.ts'

/** How often a request that fails is taken up again, as upstream. */
const maxRetries = 3

export interface UpdateRequestOptions extends Pick<Container, 'log' | 'signal'> {
  readonly client: Client
  readonly source: GenerationSource
  readonly recorder: EventRecorder
  policies(): readonly PolicyObject[]
  namespaceLabels(namespace: string): Readonly<Record<string, string>>
  kindOf(object: AnyObject): Kind<AnyObject>
}

/** Carries out one UpdateRequest about existing objects; then it is gone. One that fails says so in its status, and after three times stays. True when it is to be tried again. */
export async function carryOut(request: UpdateRequest, options: UpdateRequestOptions): Promise<boolean> {
  const { client, recorder } = options
  const { name = '', namespace } = request.metadata
  const policy = options.policies().find((one) => keyOf(one) === request.spec.policy)
  const seen = requestIn(request, options.namespaceLabels(request.spec.resource.namespace ?? ''))
  const failures: string[] = []
  if (policy !== undefined && seen !== undefined) {
    for (const result of await mutateTargets(policy, seen, options.source)) {
      if (request.spec.rule !== '' && result.rule !== request.spec.rule) continue
      const at = `${result.target.kind} ${result.target.metadata.namespace ?? ''}/${result.target.metadata.name ?? ''}`
      const failure = result.verdict === 'error' ? result.message : result.verdict === 'pass' ? await write(result, options) : undefined
      if (failure !== undefined) failures.push(`${result.rule}: ${at}: ${failure}`)
      if (failure === undefined && result.verdict === 'pass') recorder.event({ object: policy }, 'Normal', 'PolicyApplied', `${at} is successfully mutated by rule ${result.rule}`)
      if (failure !== undefined) recorder.event({ object: policy }, 'Warning', 'PolicyError', `${at}: mutate existing failed in rule ${result.rule}: ${failure}`)
    }
  }
  const retryCount = (request.status?.retryCount ?? 0) + 1
  try {
    if (failures.length === 0) await client.delete(UpdateRequestKind, name, { namespace })
    else await client.patch(UpdateRequestKind, name, { status: { state: 'Failed', message: failures.join('; '), retryCount } }, { namespace, type: 'merge', subresource: 'status', fieldManager: 'background-controller' })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
  return failures.length > 0 && retryCount < maxRetries
}

/** Writes what a rule changed, on top of what the object is now; gives the reason when the API server refuses. */
async function write({ target, changed }: TargetResult, { client, kindOf }: UpdateRequestOptions): Promise<string | undefined> {
  const kind = kindOf(target)
  const { name = '', namespace } = target.metadata
  const patch = createMergePatch(target as unknown as JsonObject, changed as unknown as JsonObject)
  for (let tries = 0; ; tries++) {
    try {
      const live = await client.get(kind, name, { namespace })
      await client.update(kind, applyMergePatch(live as unknown as Json, patch) as unknown as AnyObject, { fieldManager: 'background-controller' })
      return undefined
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined
      if (!isApiError(error, 'Conflict') || tries >= 5) return messageOf(error)
    }
  }
}

/** Takes up the update requests of a namespace, one after the other. */
export function followUpdateRequests(requests: Informer<UpdateRequest>, options: UpdateRequestOptions & Pick<Container, 'clock'>): void {
  const { clock, log, signal } = options
  const waiting = new Set<string>()
  let running = false
  const run = async (): Promise<void> => {
    running = true
    for (const key of waiting) {
      if (signal.aborted) break
      waiting.delete(key)
      const [namespace = '', name = ''] = key.split('/')
      const request = requests.cache.get(name, namespace)
      if (request === undefined || request.spec.requestType !== 'mutate') continue
      const again = await carryOut(request, options).catch((error: unknown) => {
        if (!signal.aborted) log.warn('an update request could not be carried out', { request: key, error: messageOf(error) })
        return true
      })
      if (again) clock.timer(2_000, () => add(key))
    }
    running = false
  }
  const add = (key: string): void => {
    waiting.add(key)
    if (!running && !signal.aborted) void run()
  }
  requests.onChange(({ before, after }) => {
    if (after !== undefined && before === undefined) add(`${after.metadata.namespace ?? ''}/${after.metadata.name ?? ''}`)
  })
}
