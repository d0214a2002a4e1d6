import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { Handler } from '@idp/http'
import { messageOf, type Clock } from '@idp/kit'
import type { Diagram, Ref, World } from '@idp/platform'
import type { KnownArrow } from '../architecture/arrows.ts'
import { boxObjects } from '../architecture/box-objects.ts'
import { layOut } from '../layout/lay-out.ts'
import { applicationDetail } from '../views/application-detail.ts'
import { arrowDetail, boxDetail, type ArrowFacts } from '../views/arrow-detail.ts'
import { findByName } from '../views/find-by-name.ts'
import { objectDetail } from '../views/object-detail.ts'
import { actOn, applicationActions } from './application-actions.ts'
import { json, refuse } from './answer.ts'
import type { Assets } from './assets.ts'
import type { Hub } from './hub.ts'
import { maskSecrets } from './mask-secrets.ts'
import type { Sessions } from './session.ts'
import { streamOf } from './stream.ts'

export interface RouteOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly assets: Assets
  readonly sessions: Sessions
  readonly hub: Hub
  readonly world: () => World
  readonly diagrams: readonly Diagram[]
  readonly arrows: readonly KnownArrow[]
  readonly factsOf: (arrow: string) => ArrowFacts
  /** First line of a stream: which cluster this is. */
  readonly hello: () => object
  /** Port that the server listens on: requests for other hosts are refused (DNS rebinding). */
  readonly port: () => number
}

const hosts = ['127.0.0.1', 'localhost', '[::1]']

/** Everything the console serves. Files need no session: there is nothing of the cluster in them. */
export function routes(options: RouteOptions): Handler {
  return async (request) => {
    const url = new URL(request.url)
    const host = request.headers.get('host') ?? url.host
    if (!hosts.some((name) => host === `${name}:${options.port()}`)) return refuse(421, `this is no console for ${host}`)
    try {
      if (!url.pathname.startsWith('/api/')) return (request.method === 'GET' ? options.assets.at(url.pathname, request) : undefined) ?? refuse(404, 'there is no such page')
      if (url.pathname === '/api/session' && request.method === 'POST') return await openSession(request, options)
      const session = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '')?.[1]
      if (session === undefined || !options.sessions.knows(session)) return refuse(401, 'this browser has no session', "Open the link that 'idp console' printed; each link is good for one browser, Enter in that terminal prints another")
      return await answer(request, url, options)
    } catch (error) {
      if (isApiError(error)) return refuse(error.code, error.message)
      return refuse(502, messageOf(error))
    }
  }
}

async function openSession(request: Request, { sessions }: RouteOptions): Promise<Response> {
  const { token } = (await request.json().catch(() => ({}))) as { token?: unknown }
  const session = typeof token === 'string' ? sessions.open(token) : undefined
  return session === undefined ? refuse(401, 'this link was used already, or is of another console', "Press Enter in the terminal of 'idp console' for another link") : json({ session })
}

async function answer(request: Request, url: URL, options: RouteOptions): Promise<Response> {
  const { client, world, diagrams, arrows } = options
  const [, , what = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
  const query = (name: string): string => url.searchParams.get(name) ?? ''
  if (request.method === 'POST') return act(request, what, rest, options)
  if (request.method !== 'GET') return refuse(405, 'only GET and POST')
  if (what === 'stream') return streamOf(options.hub, { clock: options.clock, signal: AbortSignal.any([request.signal, options.signal]), hello: options.hello(), packed: request.headers.get('accept-encoding')?.includes('gzip') === true })
  if (what === 'diagrams') return json(rest[0] === undefined ? diagrams.map((diagram) => ({ name: diagram.name, title: diagram.title, arrows: diagram.arrows.length, ...(query('drawn') === '' ? {} : { drawing: sketch(diagram) }) })) : drawn(diagrams, rest[0], query('narrow') !== ''), request)
  if (what === 'arrows') {
    const arrow = arrows.find(({ id }) => id === rest[0])
    const diagram = diagrams.find(({ name }) => name === arrow?.diagram)
    return arrow === undefined || diagram === undefined ? refuse(404, `there is no arrow ${rest[0]}`) : json(arrowDetail(world(), diagram, arrow, options.factsOf(arrow.id)), request)
  }
  if (what === 'boxes') {
    const diagram = diagrams.find(({ name }) => name === rest[0])
    return diagram === undefined || !((rest[1] ?? '') in diagram.nodes) ? refuse(404, `there is no box ${rest.join('/')}`) : json(boxDetail(world(), diagram, rest[1] ?? ''), request)
  }
  if (what === 'objects') return json(objectDetail(world(), refOf(query)), request)
  if (what === 'applications') {
    const detail = applicationDetail(world(), rest[0] ?? '', rest[1] ?? '')
    return detail === undefined ? refuse(404, `there is no Application ${rest.join('/')}`) : json(detail, request)
  }
  if (what === 'logs') return logs(client, query)
  if (what === 'find') return json(findByName(world(), query('q')), request)
  return refuse(404, `there is no ${what}`)
}

const refOf = (query: (name: string) => string): Ref => ({ kind: query('kind'), name: query('name'), ...(query('namespace') === '' ? {} : { namespace: query('namespace') }) })

function drawn(diagrams: readonly Diagram[], name: string, narrow: boolean): object {
  const diagram = diagrams.find((one) => one.name === name)
  if (diagram === undefined) return {}
  const live = new Set(Object.keys(boxObjects[name] ?? {}))
  const arrows = diagram.arrows.map(({ from, to, label }, index) => ({ id: `${name}:${index}`, from: titleOf(diagram, from), to: titleOf(diagram, to), label: (label ?? '').replaceAll('\n', ' ') }))
  return { name, title: diagram.title, shape: diagram.shape, arrows, right: layOut(diagram, 'right', live, narrow), down: layOut(diagram, 'down', live, narrow) }
}

/** Width to height of a small picture. */
const sketchShape = 1.75

/** A diagram without words, whichever way it fits a small picture better. */
function sketch(diagram: Diagram): object {
  const live = new Set(Object.keys(boxObjects[diagram.name] ?? {}))
  const [right, down] = [layOut(diagram, 'right', live), layOut(diagram, 'down', live)]
  const fit = ({ width, height }: { readonly width: number; readonly height: number }): number => Math.min(sketchShape / width, 1 / height)
  const { width, height, groups, boxes, arrows } = fit(right) >= fit(down) ? right : down
  return { width, height, groups, boxes, arrows: arrows.map(({ path }) => path) }
}

const titleOf = (diagram: Diagram, node: string): string => (diagram.nodes[node] ?? node).split('\n')[0] ?? node

async function act(request: Request, what: string, [namespace = '', name = '', action = '']: readonly string[], { client, port }: RouteOptions): Promise<Response> {
  const origin = request.headers.get('origin')
  if (origin !== null && !hosts.some((host) => origin === `http://${host}:${port()}`)) return refuse(403, `${origin} may not ask for this`)
  if (what !== 'applications' || !(action in applicationActions || action === 'sync')) return refuse(404, `there is no ${what} to act on`)
  await actOn(client, namespace, name, action)
  return json({ asked: action }, undefined, 202)
}

async function logs(client: Client, query: (name: string) => string): Promise<Response> {
  const [namespace, pod, container] = [query('namespace'), query('pod'), query('container')]
  const tail = Math.min(Math.max(Number(query('tail')) || 60, 1), 2_000)
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log?tailLines=${tail}&timestamps=true${container === '' ? '' : `&container=${encodeURIComponent(container)}`}`
  const response = await client.request(path, { headers: { accept: 'text/plain' } })
  const text = await response.text()
  if (!response.ok) return refuse(response.status, `the log cannot be read: ${text.slice(0, 300)}`)
  return json({ lines: (await maskSecrets(client, namespace, text)).split('\n').filter((line) => line !== '') })
}
