import { apiVersionOf, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import type { Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import type { CelSource } from '../engine/cel/cel-source.ts'
import type { CelWorld } from '../engine/cel/cel-results.ts'
import { CelExceptionKind, celPolicyKinds, type CelException, type CelPolicy } from '../kinds/cel-policy.ts'
import { coalesced } from './coalesced.ts'
import { clusterCelSource, type ClusterCelSourceOptions } from './cluster-cel-source.ts'

/** The policies of policies.kyverno.io as a program sees them. */
export interface CelPolicies {
  /** Resolves when what is there has been read; at once where the kinds are not served. */
  readonly synced: Promise<void>
  /** The same array while the policies are the same. */
  list(): readonly CelPolicy[]
  world(): CelWorld
  readonly source: CelSource
  /** The kinds that are served, as last asked for; asked again with every change. */
  served(): readonly Kind[]
  /** Calls for changes of what policies or exceptions say, not of their status. */
  onChange(listener: () => void): void
}

/** Changes that come together are told together. */
const settleMs = 100

/** Watches every kind of policies.kyverno.io and its exceptions. */
export function watchCelPolicies({ clock, log, signal, net }: Pick<Container, 'clock' | 'log' | 'signal' | 'net'>, client: Client, more: Pick<ClusterCelSourceOptions, 'globalContext' | 'images'> = {}): CelPolicies {
  const views: readonly Informer<CelPolicy>[] = celPolicyKinds.map((kind) => informer(client, kind, { signal, clock, log }))
  const exceptions: Informer<CelException> = informer(client, CelExceptionKind, { signal, clock, log })
  const listeners = new Set<() => void>()
  let policies: readonly CelPolicy[] | undefined
  let served: readonly Kind[] = []
  const look = async (): Promise<void> => {
    served = await client.kinds()
  }
  const source = clusterCelSource(client, {
    ...more, kinds: () => served, now: () => clock.now(),
    http: async ({ method, url, headers, body, caBundle }) => {
      const response = await net.fetch(url, { method, signal, headers: { 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...(caBundle === undefined ? {} : { ca: caBundle }) })
      const text = await response.text()
      if (text.length > maxAnswer) throw new CodedError({ code: 'ContextFailed', message: `the answer of ${url} is longer than ${maxAnswer} characters`, where: url })
      return { body: parsed(text), statusCode: response.status }
    },
  })
  const relook = coalesced({ clock, signal }, settleMs, () => {
    void look().catch((error: unknown) => { if (!signal.aborted) log.warn('kinds could not be listed', { error: messageOf(error) }) }).then(() => { for (const listener of listeners) listener() })
  })
  const changed = (): void => {
    policies = undefined
    relook()
  }
  for (const view of [...views, exceptions]) view.onChange(({ before, after }) => { if (before?.metadata.generation !== after?.metadata.generation || before?.metadata.uid !== after?.metadata.uid) changed() })
  const synced = (async () => {
    await look()
    const here = [...views, exceptions].filter(({ kind }) => served.some((one) => one.group === kind.group && one.kind === kind.kind))
    await Promise.all(here.map((view) => view.synced))
  })()
  synced.catch(() => undefined) // whoever awaits it is told
  return {
    synced, source, served: () => served, onChange: (listener) => void listeners.add(listener),
    list: () => (policies ??= views.flatMap((view) => view.cache.list().map((policy) => named(policy, view.kind)))),
    world: () => ({ source, exceptions: exceptions.cache.list() }),
  }
}

/** The longest answer of a service that is read. */
const maxAnswer = 4 * 2 ** 20

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text // as upstream: an answer that is no JSON is text
  }
}

const named = ((known: WeakMap<CelPolicy, CelPolicy>) => (policy: CelPolicy, kind: Kind): CelPolicy => {
  const found = known.get(policy) ?? { ...policy, apiVersion: apiVersionOf(kind), kind: kind.kind }
  known.set(policy, found)
  return found
})(new WeakMap())
