import type { Check, GatewayAnswer, VerifyContext } from '../check.ts'
import { at, get, realPods, runningPods, text } from '../live.ts'

/** A request of the run to a host's root page, shared by the arrows that look at it. */
function page(context: VerifyContext, host: string, path = '/'): Promise<GatewayAnswer> {
  const name = `${host}.${context.domain.local}`
  return context.once(`page ${name}${path}`, () => context.throughGateway(name, path))
}

/** `user -> gateway`: the gateway's port answers HTTPS with a certificate that the platform's CA signed, for the very name. */
const httpsReachesGateway: Check = async (context, { host }) => {
  const answer = await page(context, text(host))
  return `HTTPS to ${text(host)}.${context.domain.local}: status ${answer.status}, certificate ${answer.certificate.names.join(', ')} by ${answer.certificate.issuer}`
}

/** `gateway -> route`: the gateway attached the route, and a request for its host name is answered from behind that route, not with the gateway's own 404. */
const routeAttached: Check = async (context, { host, namespace, route, path }) => {
  const object = await get(context.client, { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', name: text(route ?? host), namespace: text(namespace) })
  const parents = (at(object, 'status', 'parents') ?? []) as { parentRef: { name: string }; conditions?: { type: string; status: string; message?: string }[] }[]
  const refused = parents.flatMap((p) => p.conditions ?? []).find((c) => c.status !== 'True')
  if (parents.length === 0) throw new Error(`HTTPRoute ${text(namespace)}/${object.metadata.name} has no parent that accepted it`)
  if (refused !== undefined) throw new Error(`HTTPRoute ${text(namespace)}/${object.metadata.name}: ${refused.type} is ${refused.status}: ${refused.message ?? ''}`)
  const answer = await page(context, text(host), text(path ?? '/'))
  if (answer.status === 404 || answer.status >= 500) throw new Error(`the gateway answers ${answer.status} for ${text(host)}.${context.domain.local}`)
  const other = await context.once('page of no route', () => context.throughGateway(`no-such-route.${context.domain.local}`, '/'))
  if (other.status !== 404) throw new Error(`a host without route is answered ${other.status} instead of 404, so an answer proves no route`)
  return `Accepted by ${parents.map((p) => p.parentRef.name).join(', ')}; ${text(host)} answers ${answer.status} where a host without route answers 404`
}

/** `route -> backend`: the page comes from the Service's pods, and those run a program. */
const backendAnswers: Check = async (context, { host, namespace, service, port, path, expect }) => {
  const answer = await page(context, text(host), text(path ?? '/'))
  const endpoints = await get(context.client, { apiVersion: 'v1', kind: 'Service', name: text(service), namespace: text(namespace) })
  const ports = (at(endpoints, 'spec', 'ports') ?? []) as { port: number }[]
  if (!ports.some((p) => p.port === port)) throw new Error(`Service ${text(namespace)}/${text(service)} has no port ${text(port)}`)
  const pods = await (answer.status < 500 ? realPods : runningPods)(context, text(namespace), text(service))
  if (answer.status >= 400) throw new Error(`${text(host)}${text(path ?? '/')} answers ${answer.status}`)
  if (!new RegExp(text(expect), 'i').test(answer.body)) throw new Error(`the page of ${text(host)} does not contain ${text(expect)}`)
  return `${text(host)}${text(path ?? '/')} answers ${answer.status} with "${text(expect)}" from ${pods.map((p) => p.metadata.name).join(', ')} behind ${text(service)}:${text(port)}`
}

/** `certificate -> gateway`: what the gateway presents in the handshake is what the certificate's Secret holds. */
const gatewayPresentsCertificate: Check = async (context, { host, secret, namespace }) => {
  const answer = await page(context, text(host))
  const { X509Certificate } = await import('node:crypto')
  const object = await get(context.client, { apiVersion: 'v1', kind: 'Secret', name: text(secret), namespace: text(namespace) })
  const held = new X509Certificate(Buffer.from(text(at(object, 'data', 'tls.crt')), 'base64'))
  if (held.serialNumber !== answer.certificate.serial) throw new Error(`the gateway presents serial ${answer.certificate.serial}, Secret ${text(namespace)}/${text(secret)} holds ${held.serialNumber}`)
  return `the handshake for ${text(host)}.${context.domain.local} presents serial ${held.serialNumber} of Secret ${text(namespace)}/${text(secret)}, valid to ${answer.certificate.validTo}`
}

export const routingChecks = {
  'https-reaches-gateway': httpsReachesGateway,
  'route-attached': routeAttached,
  'backend-answers': backendAnswers,
  'gateway-presents-certificate': gatewayPresentsCertificate,
} satisfies Record<string, Check>
