import type { AdmissionRequest } from '../admission/admission.ts'
import type { ServerContext } from '../server-context.ts'
import { storedList } from '../stored-list.ts'
import type { Webhook } from './call-webhook.ts'
import { mayConcern, type MatchConstraints } from './match-webhook.ts'

/**
 * The webhooks of one kind of configuration that a request may concern, in order. Found once for each operation and resource, and
 * again after a configuration or what is served has changed.
 */
export function concernedWebhooks(server: Pick<ServerContext, 'storage' | 'registry'>, plural: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations'): (request: AdmissionRequest) => readonly Webhook[] {
  const webhooks = storedList(server, { group: 'admissionregistration.k8s.io', version: 'v1', plural }, (objects) => ({ all: objects.flatMap((object) => (object['webhooks'] ?? []) as Webhook[]) }))
  let found = new Map<string, readonly Webhook[]>()
  let of: object | undefined
  let generation = -1
  return (request) => {
    const current = webhooks.current()
    if (current.all.length === 0) return current.all
    if (of !== current || generation !== server.registry.generation) {
      of = current
      generation = server.registry.generation
      found = new Map()
    }
    const { kind } = request.resource
    const key = `${request.operation} ${kind.group}/${kind.version}/${kind.plural}/${request.subresource} ${request.namespace === ''}`
    let some = found.get(key)
    if (some === undefined) found.set(key, (some = current.all.filter((webhook) => mayConcern(server, webhook as MatchConstraints, request))))
    return some
  }
}
