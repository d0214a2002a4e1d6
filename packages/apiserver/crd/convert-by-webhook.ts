import { ApiError, type CustomResourceDefinition } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { messageOf, uuid } from '@idp/kit'
import type { ServerContext } from '../server-context.ts'
import { caOf, targetOf, targetText } from '../webhook/call-webhook.ts'

const timeoutSeconds = 30

interface ConversionReview { response?: { uid?: string; convertedObjects?: AnyObject[]; result?: { status?: string; message?: string } } }

/** Converts custom resources between versions by the webhook their CRD names. */
export function convertByWebhook({ spec }: CustomResourceDefinition, server: Pick<ServerContext, 'callService' | 'clock' | 'random'>): ((objects: AnyObject[], toApiVersion: string) => Promise<AnyObject[]>) | undefined {
  const config = spec.conversion?.strategy === 'Webhook' ? spec.conversion.webhook?.clientConfig : undefined
  if (config === undefined) return undefined
  const client = config as Parameters<typeof targetOf>[0]
  const target = targetOf(client)
  return async (objects, desiredAPIVersion) => {
    const uid = uuid(server.random)
    const stop = new AbortController()
    const timer = server.clock.timer(timeoutSeconds * 1000, () => stop.abort(new Error('context deadline exceeded')))
    const fail = (why: string) => new ApiError('InternalError', `conversion webhook for ${objects[0]?.apiVersion ?? spec.group}, Kind=${spec.names.kind} failed: ${why}`)
    try {
      const answer = await server.callService(target, {
        method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, signal: stop.signal, ...caOf(client),
        body: JSON.stringify({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', request: { uid, desiredAPIVersion, objects } }),
      })
      const { response } = (await answer.json()) as ConversionReview
      if (response?.uid !== uid || response.result?.status !== 'Success') throw fail(response?.result?.message ?? 'the answer is not a successful ConversionReview')
      if (response.convertedObjects?.length !== objects.length) throw fail(`expected ${objects.length} converted objects, got ${response.convertedObjects?.length ?? 0}`)
      return response.convertedObjects.map((object, i) => withIdentity(object, objects[i], desiredAPIVersion))
    } catch (error) {
      throw error instanceof ApiError ? error : fail(`Post ${JSON.stringify(targetText(target, timeoutSeconds))}: ${messageOf(error)}`)
    } finally {
      timer[Symbol.dispose]()
    }
  }
}

/** A converter may change labels and annotations, nothing else of metadata. */
function withIdentity(converted: AnyObject, original: AnyObject | undefined, apiVersion: string): AnyObject {
  const { labels, annotations } = converted.metadata ?? {}
  const metadata = { ...original?.metadata }
  if (labels === undefined) delete metadata.labels
  else metadata.labels = labels
  if (annotations === undefined) delete metadata.annotations
  else metadata.annotations = annotations
  return { ...converted, apiVersion, metadata }
}
