import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Client } from '@idp/client'
import type { Handler } from '@idp/http'
import { messageOf, type Clock, type Log } from '@idp/kit'
import { pushedAtAnnotation, refreshAnnotation } from '../engine/refresh.ts'
import { concerns, readPush } from '../engine/push-event.ts'
import { Application, sourcesOf } from '../kinds/application.ts'

export interface WebhookOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly namespace: string
  applications(): readonly Application[]
  /** `webhook.github.secret` and the like; undefined when none is set. */
  secret(name: 'github' | 'gitlab' | 'gogs'): string | undefined
}

/** How many Applications are asked at once. */
const parallel = 16

/** `/api/webhook`: a push makes every Application of that repository and branch look at Git at once. */
export function webhookHandler(options: WebhookOptions): Handler {
  return async (request) => {
    if (request.method !== 'POST') return new Response('use POST\n', { status: 405 })
    const text = await request.text()
    if (!isGenuine(request.headers, text, options)) return new Response('Webhook signature is wrong\n', { status: 401 })
    const push = readPush(request.headers, text)
    if (push === undefined) return new Response('Webhook is not a push\n', { status: 400 })
    const concerned = options.applications().filter((app) => sourcesOf(app.spec).some((source) => concerns(push, source)))
    const first = (app: Application): number => (push.changed !== undefined && sourcesOf(app.spec).some(({ path = '' }) => push.changed?.some((one) => one.startsWith(`${path.replace(/^\.\/?|\/$/g, '')}/`))) ? 0 : 1)
    // Those whose own folder changed come first. One time for all: they then share one question to the Git server.
    const annotations = { [refreshAnnotation]: 'normal', [pushedAtAnnotation]: String(options.clock.now()) }
    const queue = [...concerned].sort((a, b) => first(a) - first(b))
    await Promise.all(Array.from({ length: parallel }, async () => {
      for (let app = queue.shift(); app !== undefined; app = queue.shift()) await askForRefresh(app, annotations, options)
    }))
    return new Response('OK')
  }
}

async function askForRefresh({ metadata }: Application, annotations: Record<string, string>, { client, log, namespace }: WebhookOptions): Promise<void> {
  try {
    await client.patch(Application, metadata.name ?? '', { metadata: { annotations } }, { type: 'merge', namespace })
  } catch (error) {
    log.warn('cannot ask for a refresh', { application: metadata.name, error: messageOf(error) })
  }
}

function isGenuine(headers: Headers, text: string, { secret }: WebhookOptions): boolean {
  const [github, gitlab, gogs] = [secret('github'), secret('gitlab'), secret('gogs')]
  if (headers.has('x-gitlab-event')) return gitlab === undefined || same(headers.get('x-gitlab-token') ?? '', gitlab)
  if (headers.has('x-gogs-event')) return gogs === undefined || same(headers.get('x-gogs-signature') ?? '', createHmac('sha256', gogs).update(text).digest('hex'))
  return github === undefined || same(headers.get('x-hub-signature-256') ?? '', `sha256=${createHmac('sha256', github).update(text).digest('hex')}`)
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
