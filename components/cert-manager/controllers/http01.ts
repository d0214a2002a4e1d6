import { Ingress, isApiError, Pod, Service, type Kind } from '@idp/api'
import { isControlledBy, type Scope } from '@idp/controller'
import { deepEqual, type KubeObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { challengePath, ingressPath, solverIngress, solverLabels, solverPod, solverRoute, solverService } from '../engine/acme/solver-objects.ts'
import { RouteView, type Challenge } from '../kinds/acme.ts'
import type { World } from './world.ts'

/** Makes what answers a challenge: pod, Service, and the way from the outside; does nothing where it is there. */
export async function present(challenge: Challenge, scope: Scope, world: World): Promise<void> {
  const { http01 } = challenge.spec.solver
  await ensure(Pod, challenge, scope, () => solverPod(challenge, world.solverImage))
  const service = await ensure(Service, challenge, scope, () => solverService(challenge))
  const name = service.metadata.name ?? ''
  if (http01?.gatewayHTTPRoute !== undefined) {
    if (!world.gateways) throw new CodedError({ code: 'NoGatewayApi', message: `couldn't Present challenge ${challenge.metadata.namespace}/${challenge.metadata.name}: gateway api is not enabled` })
    const wish = solverRoute(challenge, name)
    const route = await ensure(RouteView, challenge, scope, () => wish)
    if (!includes(route.spec, wish.spec)) await scope.client.update(RouteView, { ...route, spec: wish.spec })
  } else if (http01?.ingress?.name !== undefined && http01.ingress.name !== '') await editIngress(challenge, scope, name)
  else if (http01?.ingress !== undefined) await ensure(Ingress, challenge, scope, () => solverIngress(challenge, name))
  else throw new CodedError({ code: 'NoSolver', message: `couldn't Present challenge ${challenge.metadata.namespace}/${challenge.metadata.name}: no Ingress nor Gateway HTTP01 solvers were specified` })
}

/** Removes it again. */
export async function cleanUp(challenge: Challenge, scope: Scope, world: World): Promise<void> {
  const ingress = challenge.spec.solver.http01?.ingress
  for (const kind of [Pod, Service, ...(world.gateways ? [RouteView] : []), ...(ingress === undefined ? [] : [Ingress])] as Kind<KubeObject>[]) {
    for (const { metadata } of await found(kind, challenge, scope)) await ignoring('NotFound', () => scope.client.delete(kind, metadata.name ?? '', { namespace: metadata.namespace ?? '' }))
  }
  if (ingress?.name !== undefined && ingress.name !== '') await ignoring('NotFound', () => editIngress(challenge, scope, undefined))
}

async function ensure<T extends KubeObject>(kind: Kind<T>, challenge: Challenge, scope: Scope, make: () => T): Promise<T> {
  const [first, ...others] = await found(kind, challenge, scope)
  for (const { metadata } of others) await scope.client.delete(kind, metadata.name ?? '', { namespace: metadata.namespace ?? '' })
  return first ?? scope.client.create(kind, make())
}

/** Listed at the API server: a cache of all pods would cost more than a challenge is worth. */
async function found<T extends KubeObject>(kind: Kind<T>, challenge: Challenge, scope: Scope): Promise<T[]> {
  const labelSelector = Object.entries(solverLabels(challenge)).map((pair) => pair.join('=')).join()
  const { items } = await scope.client.list(kind, { namespace: challenge.metadata.namespace ?? '', labelSelector })
  return items.filter((object) => isControlledBy(object, challenge))
}

/** Puts the challenge's path into an Ingress that is there, or takes it out without a service. */
async function editIngress({ spec, metadata }: Challenge, scope: Scope, service: string | undefined): Promise<void> {
  const known = await scope.client.get(Ingress, spec.solver.http01?.ingress?.name ?? '', { namespace: metadata.namespace ?? '' })
  const rules = known.spec?.rules ?? []
  const rest = rules.map((rule) => (rule.host === spec.dnsName && rule.http !== undefined ? { ...rule, http: { ...rule.http, paths: (rule.http.paths ?? []).filter(({ path }) => path !== challengePath(spec.token)) } } : rule))
  const wish = service === undefined
    ? rest.filter((rule) => rule.host !== spec.dnsName || rule.http === undefined || rule.http.paths.length > 0)
    : rest.some((rule) => rule.host === spec.dnsName)
      ? rest.map((rule) => (rule.host === spec.dnsName ? { ...rule, http: { paths: [ingressPath(spec.token, service), ...rule.http?.paths ?? []] } } : rule))
      : [...rest, { host: spec.dnsName, http: { paths: [ingressPath(spec.token, service)] } }]
  if (!deepEqual(wish, rules)) await scope.client.update(Ingress, { ...known, spec: { ...known.spec, rules: wish } })
}

async function ignoring(reason: 'NotFound', run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isApiError(error, reason)) throw error
  }
}

/** Whether `object` has all of `wish`: the server adds defaults. */
function includes(object: unknown, wish: unknown): boolean {
  if (Array.isArray(wish)) return Array.isArray(object) && object.length === wish.length && wish.every((value, i) => includes(object[i], value))
  if (typeof wish !== 'object' || wish === null) return object === wish
  return typeof object === 'object' && object !== null && Object.entries(wish).every(([name, value]) => includes((object as Record<string, unknown>)[name], value))
}
