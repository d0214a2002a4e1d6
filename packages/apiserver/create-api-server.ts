import { generateKeyPairSync } from 'node:crypto'
import { ApiError } from '@idp/api'
import type { Handler, Peer, UpgradeHandler } from '@idp/http'
import { pooledRandom, type Clock, type Log, type Random } from '@idp/kit'
import type { Store } from '@idp/store'
import { admissionChain, type AdmissionPlugin } from './admission/admission.ts'
import { builtInAdmission } from './admission/built-in-admission.ts'
import { aggregatedApis } from './aggregation/aggregated-apis.ts'
import { localApiServices } from './aggregation/local-api-services.ts'
import { expressionChecks } from './cel/check-expressions.ts'
import { mutatingPolicies } from './cel/mutating-policies.ts'
import { mutatingPolicyResources } from './cel/mutating-policy-kinds.ts'
import { checkPolicyTypes } from './cel/policy-status.ts'
import { validatingPolicies } from './cel/validating-policies.ts'
import { validationRules } from './cel/validation-rules.ts'
import { answerError, answerJson, answerText } from './answer.ts'
import { accountTokenSecrets } from './authn/account-token-secrets.ts'
import { authenticator, type StaticToken } from './authn/authenticator.ts'
import { impersonated } from './authn/impersonate.ts'
import { serviceAccountUsers } from './authn/service-account-user.ts'
import { tokenSigner } from './authn/service-account-tokens.ts'
import { serveIssuer } from './authn/serve-issuer.ts'
import { aggregateRoles } from './authz/aggregate-roles.ts'
import { authorizeOrThrow } from './authz/authorize-request.ts'
import { alwaysAllow, type Authorizer } from './authz/authorizer.ts'
import { ensurePolicy } from './authz/ensure-policy.ts'
import { escalationCheck } from './authz/escalation.ts'
import { rbac } from './authz/rbac.ts'
import { bootstrapObjects } from './built-in/bootstrap-objects.ts'
import { builtInStoredResources } from './built-in/built-in-resources.ts'
import { convertBuiltIn } from './built-in/convert-events.ts'
import { definitionStrategy } from './crd/definition-strategy.ts'
import { serveDefinitions } from './crd/serve-definitions.ts'
import { discoveryServer } from './discovery/serve-discovery.ts'
import { openApiServer } from './discovery/serve-openapi.ts'
import { versionInfo } from './discovery/version-info.ts'
import type { NodeProxy } from './node/node-proxy.ts'
import { upgradeServer } from './node/upgrade.ts'
import { startHousekeeping } from './housekeeping.ts'
import { objectCodec, type AtRest } from './object-codec.ts'
import { objectStorage } from './object-storage.ts'
import { auditEvent, type AuditSink } from './observe/audit.ts'
import { apiMetrics } from './observe/metrics.ts'
import type { RequestRecord } from './observe/request-record.ts'
import { requestInfo, type RequestInfo } from './request-info.ts'
import { requestTarget, type RequestTarget } from './request-target.ts'
import { resourceRegistry } from './resource-registry.ts'
import type { Resource, Strategy } from './resource.ts'
import type { ResourceRequest, ServerContext, User } from './server-context.ts'
import { defaultServiceRanges, serviceStrategy, type ServiceRanges } from './service/service-addresses.ts'
import { specialHandlers } from './special-handlers.ts'
import { routeResource } from './verbs/route-resource.ts'
import type { CallService } from './webhook/call-webhook.ts'
import { webhookAdmission } from './webhook/webhook-admission.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** `rbac` (default), or `alwaysAllow` for tests of what lies above. */
  readonly authorization?: 'rbac' | 'alwaysAllow'
  /** Replaces authorization altogether. Tests only. */
  readonly authorizer?: Authorizer
  /** Signs ServiceAccount tokens: EC P-256 private key, PEM. A key that lives as long as the process when absent. */
  readonly serviceAccountKey?: string
  /** `iss` of the tokens; also the first audience of this server. */
  readonly issuer?: string
  /** The cluster's CA, PEM, for Secrets that carry a ServiceAccount token. */
  readonly clusterCa?: string
  readonly staticTokens?: readonly StaticToken[]
  /** Replaces authentication altogether. Tests only. */
  authenticate?(request: Request, peer: Peer): User | undefined
  /** `all` (default), `none` for tests of what lies above, or `all` with plugins of one's own before the webhooks. */
  readonly builtInAdmission?: boolean
  readonly admission?: readonly AdmissionPlugin[]
  /** How values of some keys (Secrets) are kept on disk; see `encryptedAtRest`. */
  readonly atRest?: AtRest
  readonly services?: Partial<ServiceRanges>
  /** Where the API is reached, for the endpoints of Service `kubernetes`. */
  readonly endpoint?: { readonly address: string; readonly port: number }
  /** How webhooks, converters and aggregated APIs are reached; without it they count as failed. */
  readonly callService?: CallService
  /** Takes the audit log; none is kept when absent. */
  readonly audit?: AuditSink
  /** The nodes' side of logs, exec, attach and port-forward; without it those answer 503. */
  readonly nodes?: NodeProxy
}

export interface ApiServer extends AsyncDisposable {
  readonly handler: Handler
  readonly upgrade: UpgradeHandler
  readonly context: ServerContext
  /** Resolves when the bootstrap policy and objects are there. Requests wait for it by themselves. */
  readonly started: Promise<void>
}

const defaultIssuer = 'https://kubernetes.default.svc.cluster.local'

const healthCheck = /^\/(healthz|livez|readyz)(?:\/|$)/

/** A request that may go on. */
interface Admitted { readonly user: User; readonly real: User; readonly info: RequestInfo }

/** A Kubernetes API server over a store: one `Request -> Response` handler that needs no socket. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, log } = options
  const random = pooledRandom(options.random)
  const stop = new AbortController()
  const storage = objectStorage(options.store, objectCodec(options.atRest))
  const registry = resourceRegistry(builtInStoredResources(convertBuiltIn))
  const resource = (group: string, plural: string): Resource => {
    const found = registry.find(group, 'v1', plural)
    if (found === undefined) throw new Error(`${plural} is not among the built-in kinds`)
    return found
  }
  const particular = (target: Resource, strategy: Strategy) => void Object.assign(target, { strategy: { ...target.strategy, ...strategy } })

  const roles = rbac(storage, registry)
  const authorizer: Authorizer = options.authorizer ?? (options.authorization === 'alwaysAllow' ? alwaysAllow : roles)
  const issuer = options.issuer ?? defaultIssuer
  const audiences = [...new Set([issuer, defaultIssuer, 'k3s'])]
  const signer = tokenSigner({ issuer, privateKey: options.serviceAccountKey ?? ephemeralKey(), clock, random })
  const authentication = authenticator({ serviceAccounts: serviceAccountUsers(signer, storage, registry), staticTokens: options.staticTokens ?? [], audiences })

  const plugins: AdmissionPlugin[] = [...(options.admission ?? [])]
  const context: ServerContext = {
    storage, registry, authorizer, clock, log, random, signal: stop.signal, nodes: options.nodes, callService: options.callService ?? unreachable,
    admission: { mayChange: (request) => chain.mayChange(request), mutate: (request) => chain.mutate(request), validate: (request) => chain.validate(request) },
  }
  if (options.builtInAdmission !== false) plugins.unshift(...builtInAdmission(context))
  if (authorizer === roles) plugins.push(escalationCheck(roles))
  plugins.push(validationRules, expressionChecks, mutatingPolicies(context), webhookAdmission(context), validatingPolicies(context))
  const chain = admissionChain(plugins)

  registry.set('mutatingadmissionpolicies', mutatingPolicyResources())
  checkPolicyTypes(resource('admissionregistration.k8s.io', 'validatingadmissionpolicies'), registry)
  const definitions = resource('apiextensions.k8s.io', 'customresourcedefinitions')
  particular(definitions, definitionStrategy(clock, registry))
  serveDefinitions(context, definitions)
  const ranges = { ...defaultServiceRanges, ...options.services }
  const services = resource('', 'services')
  particular(services, serviceStrategy(storage, services, ranges, clock))

  particular(resource('', 'secrets'), accountTokenSecrets(storage, resource('', 'serviceaccounts'), signer, { ca: options.clusterCa, now: () => clock.now() }))
  startHousekeeping(context, resource('', 'events'))
  const special = specialHandlers({ authorizer, signer, authenticator: authentication, audiences, resource })
  const aggregated = aggregatedApis(context, resource('apiregistration.k8s.io', 'apiservices'))
  const discovery = discoveryServer(registry, aggregated)
  const metrics = apiMetrics(storage, registry)
  const openApi = openApiServer(registry)
  const issuerPages = serveIssuer(signer)
  let isReady = false
  const started = (async () => {
    await bootstrapObjects(context, { serviceIp: firstAddress(ranges.cidr), ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }) })
    await Promise.all([ensurePolicy(context), localApiServices(context, resource('apiregistration.k8s.io', 'apiservices'), definitions)])
    await aggregateRoles(context, resource('rbac.authorization.k8s.io', 'clusterroles'))
    isReady = true
  })()
  started.catch((error: unknown) => log.error('the API server cannot start', { error }))

  /** Who asks for what, checked. */
  const admit = (request: Request, peer: Peer, url: RequestTarget): Admitted => {
    const own = options.authenticate === undefined ? authentication.authenticate(request, peer) : options.authenticate(request, peer)
    if (own === undefined) throw new ApiError('Unauthorized', 'Unauthorized')
    const user = impersonated(own, request, authorizer)
    const info = requestInfo(request.method, url)
    authorizeOrThrow(context, user, info)
    return { user, real: own, info }
  }
  const resourceRequest = (request: Request, peer: Peer, url: RequestTarget, { user, info }: Admitted, annotations: Map<string, string>): ResourceRequest => {
    const found = registry.find(info.group, info.version, info.resource) ?? special.resources.get(`${info.group}/${info.version}/${info.resource}`)
    if (found === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource')
    const warnings = new Set<string>(found.deprecated === undefined ? [] : [found.deprecated])
    return { server: context, resource: found, info, search: url.searchParams, request, user, peer, warnings, annotations }
  }
  const answer = async (request: Request, peer: Peer, record: RequestRecord): Promise<Response> => {
    const url = requestTarget(request.url)
    const health = healthCheck.exec(url.pathname)?.[1]
    if (health !== undefined) return health === 'readyz' && !isReady ? answerText('the server is starting', 500) : answerText('ok')
    if (!isReady) await started
    const admitted = admit(request, peer, url)
    record.info = admitted.info
    record.user = admitted.user
    if (admitted.real !== admitted.user) record.realUser = admitted.real
    const elsewhere = aggregated.forward(request, url, admitted.user)
    if (elsewhere !== undefined) return elsewhere
    if (url.pathname === '/metrics') return answerText(metrics.render(), 200, 'text/plain; version=0.0.4; charset=utf-8')
    if (admitted.info.isResource) return routeResource(resourceRequest(request, peer, url, admitted, record.annotations), special.handlers)
    const page = discovery(request, url.pathname) ?? (await openApi(request, url.pathname)) ?? issuerPages(url.pathname) ?? general(url.pathname)
    if (page === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource')
    return page
  }
  const upgrades = upgradeServer(context, (request, peer) => {
    const url = requestTarget(request.url)
    return resourceRequest(request, peer, url, admit(request, peer, url), new Map())
  })
  return {
    context, started,
    async handler(request, peer) {
      const record: RequestRecord = { request, sourceAddress: peer.address, received: clock.now(), annotations: new Map() }
      metrics.begin()
      let response: Response
      try {
        response = await answer(request, peer, record)
      } catch (error) {
        response = answerError(error, log)
      }
      metrics.end(record, response.status, (clock.now() - record.received) / 1000)
      const event = options.audit === undefined ? undefined : auditEvent(record, response.status, clock.now(), random)
      if (event !== undefined) options.audit?.(event)
      return response
    },
    upgrade: upgrades,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await started.catch(() => undefined)
    },
  }
}

function general(path: string): Response | undefined {
  if (path === '/version' || path === '/version/') return answerJson(versionInfo)
  if (path === '/') return answerJson({ paths: ['/.well-known/openid-configuration', '/api', '/api/v1', '/apis', '/healthz', '/livez', '/openapi/v3', '/openid/v1/jwks', '/readyz', '/version'] })
  return undefined
}

function ephemeralKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

const unreachable: CallService = async () => {
  throw new Error('no service can be reached from this API server')
}

/** The first usable address of a CIDR: that of Service `kubernetes`. */
function firstAddress(cidr: string): string {
  const parts = (cidr.split('/')[0] ?? '').split('.').map(Number)
  return [...parts.slice(0, 3), (parts[3] ?? 0) + 1].join('.')
}
