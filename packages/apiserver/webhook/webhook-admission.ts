import { ApiError, type Kind, type StatusReason } from '@idp/api'
import { applyJsonPatch, type AnyObject, type JsonObject, type JsonPatchOperation } from '@idp/formats'
import { messageOf, uuid } from '@idp/kit'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import { cloneJson, equalJson } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'
import { admissionReview, type AdmissionResponse } from './admission-review.ts'
import { concernedWebhooks } from './concerned-webhooks.ts'
import { caOf, targetOf, targetText, type CallService, type Webhook } from './call-webhook.ts'
import { matchRequest, type MatchedAs } from './match-webhook.ts'
import { matchesConditions } from './match-conditions.ts'
import { replaceContent } from './replace-content.ts'

type Context = Pick<ServerContext, 'storage' | 'registry' | 'authorizer' | 'clock' | 'log' | 'random' | 'callService'>

/** Calls the webhooks that MutatingWebhookConfigurations and ValidatingWebhookConfigurations name. */
export function webhookAdmission(server: Context): AdmissionPlugin {
  const call = server.callService
  const mutating = concernedWebhooks(server, 'mutatingwebhookconfigurations')
  const validating = concernedWebhooks(server, 'validatingwebhookconfigurations')
  return {
    name: 'Webhooks',
    mayChange: (request) => !isExempt(request) && mutating(request).length > 0,
    mutate(request) {
      const webhooks = isExempt(request) ? [] : mutating(request)
      return webhooks.length === 0 ? undefined : mutateWithAll(server, call, webhooks, request)
    },
    validate(request) {
      const webhooks = isExempt(request) ? [] : validating(request)
      return webhooks.length === 0 ? undefined : validateWithAll(server, call, webhooks, request)
    },
  }
}

async function mutateWithAll(server: Context, call: CallService, webhooks: readonly Webhook[], request: AdmissionRequest): Promise<void> {
  const called: { webhook: Webhook; after: AnyObject | undefined }[] = []
  for (const webhook of webhooks) {
    if (await mutateWith(server, call, webhook, request)) called.push({ webhook, after: mayRunAgain(webhook) ? cloneJson(request.object) : undefined })
  }
  // Those that ask for it see what later webhooks changed, once.
  for (const { webhook, after } of called) {
    if (mayRunAgain(webhook) && !equalJson(after, request.object)) await mutateWith(server, call, webhook, request)
  }
}

function mayRunAgain(webhook: Webhook): boolean {
  return 'reinvocationPolicy' in webhook && webhook.reinvocationPolicy === 'IfNeeded'
}

async function validateWithAll(server: Context, call: CallService, webhooks: readonly Webhook[], request: AdmissionRequest): Promise<void> {
  const results = await Promise.allSettled(webhooks.map((webhook) => validateWith(server, call, webhook, request)))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** A webhook must not be able to lock out its own repair. */
function isExempt({ resource }: AdmissionRequest): boolean {
  const { group, plural } = resource.kind as Kind
  return (group === 'admissionregistration.k8s.io' && (plural.endsWith('webhookconfigurations') || plural.startsWith('validatingadmissionpolic') || plural.startsWith('mutatingadmissionpolic')))
    || group === 'authentication.k8s.io' || group === 'authorization.k8s.io'
}

async function mutateWith(server: Context, call: CallService, webhook: Webhook, request: AdmissionRequest): Promise<boolean> {
  const as = await matched(server, webhook, request)
  if (as === undefined) return false
  const response = await ask(server, call, webhook, request, as)
  if (response?.patch === undefined || response.patch === '' || request.object === undefined) return response !== undefined
  if (response.patchType !== 'JSONPatch') throw new ApiError('InternalError', `Internal error occurred: failed calling webhook "${webhook.name}": webhook response has unsupported patch type ${JSON.stringify(response.patchType)}`)
  try {
    const operations = JSON.parse(Buffer.from(response.patch, 'base64').toString()) as JsonPatchOperation[]
    replaceContent(request.object, applyJsonPatch(request.object as unknown as JsonObject, operations) as unknown as AnyObject)
  } catch (error) {
    throw new ApiError('InternalError', `Internal error occurred: failed to apply the patch of webhook "${webhook.name}": ${messageOf(error)}`)
  }
  return true
}

async function validateWith(server: Context, call: CallService, webhook: Webhook, request: AdmissionRequest): Promise<void> {
  const as = await matched(server, webhook, request)
  if (as !== undefined) await ask(server, call, webhook, request, as)
}

async function matched(server: Context, webhook: Webhook, request: AdmissionRequest): Promise<MatchedAs | undefined> {
  const as = matchRequest(server, webhook as Parameters<typeof matchRequest>[1], request)
  return as !== undefined && (await matchesConditions(server, webhook, request, as)) ? as : undefined
}

/** One call. Undefined when the webhook failed and its failurePolicy says to ignore that. */
async function ask(server: Context, call: CallService, webhook: Webhook, request: AdmissionRequest, as: MatchedAs): Promise<AdmissionResponse | undefined> {
  if (request.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') {
    throw new ApiError('BadRequest', `admission webhook ${JSON.stringify(webhook.name)} does not support dry run`)
  }
  let response: AdmissionResponse
  try {
    response = await send(server, call, webhook, request, as)
  } catch (error) {
    const why = `failed calling webhook ${JSON.stringify(webhook.name)}: ${messageOf(error)}`
    server.log.warn('admission webhook failed', { webhook: webhook.name, error: messageOf(error) })
    if (webhook.failurePolicy === 'Ignore') return undefined
    throw new ApiError('InternalError', `Internal error occurred: ${why}`, { details: { causes: [{ message: why }] } })
  }
  for (const warning of response.warnings ?? []) request.warnings.add(warning)
  for (const [key, value] of Object.entries(response.auditAnnotations ?? {})) request.annotations?.set(`${webhook.name}/${key}`, value)
  if (response.allowed !== true) throw denied(webhook.name, response)
  return response
}

async function send(server: Context, call: CallService, webhook: Webhook, request: AdmissionRequest, as: MatchedAs): Promise<AdmissionResponse> {
  const seconds = webhook.timeoutSeconds ?? 10
  const uid = uuid(server.random)
  const stop = new AbortController()
  const config = webhook.clientConfig as Parameters<typeof targetOf>[0]
  const target = targetOf(config)
  const text = targetText(target, seconds)
  const timer = server.clock.timer(seconds * 1000, () => stop.abort(new Error('context deadline exceeded')))
  try {
    const answer = await call(target, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(await admissionReview(request, as, uid)), signal: stop.signal, ...caOf(config),
    })
    if (answer.status !== 200) throw new Error(`an error on the server (${JSON.stringify((await answer.text()).slice(0, 300))}) has prevented the request from succeeding`)
    const review = (await answer.json()) as { response?: AdmissionResponse }
    if (review.response === undefined) throw new Error('webhook response was absent')
    if (review.response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(review.response.uid ?? '')}`)
    return review.response
  } catch (error) {
    throw stop.signal.aborted ? new Error(`failed to call webhook: Post ${JSON.stringify(text)}: context deadline exceeded`) : new Error(`failed to call webhook: Post ${JSON.stringify(text)}: ${messageOf(error)}`)
  } finally {
    timer[Symbol.dispose]()
  }
}

/** `admission webhook "x" denied the request: why`. */
function denied(name: string, { status }: AdmissionResponse): ApiError {
  const text = status?.message !== undefined && status.message !== '' ? `: ${status.message}` : status?.reason !== undefined && status.reason !== '' ? `: ${status.reason}` : ' without explanation'
  const code = status?.code !== undefined && status.code >= 400 ? status.code : 400
  return new ApiError((status?.reason as StatusReason | undefined) ?? (code === 403 ? 'Forbidden' : 'BadRequest'), `admission webhook ${JSON.stringify(name)} denied the request${text}`, { code, ...(status?.details === undefined ? {} : { details: status.details }) })
}

