import { ApiError, CustomResourceDefinition } from '@idp/api'
import type { Handler, Peer, UpgradeHandler } from '@idp/http'
import type { Clock, Log, Random } from '@idp/kit'
import type { Store } from '@idp/store'
import { admissionChain, type AdmissionPlugin } from './admission/admission.ts'
import { answerError, answerJson, answerText } from './answer.ts'
import { authorizeOrThrow } from './authz/authorize-request.ts'
import type { Authorizer } from './authz/authorizer.ts'
import { builtInStoredResources } from './built-in/built-in-resources.ts'
import { convertBuiltIn } from './built-in/convert-events.ts'
import { serveDefinitions } from './crd/serve-definitions.ts'
import { definitionStrategy } from './crd/definition-strategy.ts'
import { discoveryServer } from './discovery/serve-discovery.ts'
import { openApiServer } from './discovery/serve-openapi.ts'
import { versionInfo } from './discovery/version-info.ts'
import { objectCodec, type AtRest } from './object-codec.ts'
import { objectStorage } from './object-storage.ts'
import { requestInfo } from './request-info.ts'
import { resourceRegistry } from './resource-registry.ts'
import type { ServerContext, User } from './server-context.ts'
import { finalizeNamespace } from './built-in/finalize-namespace.ts'
import { bindPod } from './built-in/bind-pod.ts'
import { routeResource, type SpecialHandler } from './verbs/route-resource.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** Who a request comes from; undefined refuses it with 401. */
  authenticate(request: Request, peer: Peer): User | undefined | Promise<User | undefined>
  readonly authorizer: Authorizer
  readonly admission?: readonly AdmissionPlugin[]
  /** How values of some keys (Secrets) are kept on disk. */
  readonly atRest?: AtRest
}

export interface ApiServer extends AsyncDisposable {
  readonly handler: Handler
  readonly upgrade: UpgradeHandler
  readonly context: ServerContext
}

/** A Kubernetes API server over a store: one `Request -> Response` handler that needs no socket. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { clock, log, random, authorizer } = options
  const stop = new AbortController()
  const storage = objectStorage(options.store, objectCodec(options.atRest))
  const builtIn = builtInStoredResources(convertBuiltIn)
  const registry = resourceRegistry(builtIn)
  const definitions = registry.find(CustomResourceDefinition.group, CustomResourceDefinition.version, CustomResourceDefinition.plural)
  if (definitions === undefined) throw new Error('CustomResourceDefinition is not among the built-in kinds')
  Object.assign(definitions, { strategy: { ...definitions.strategy, ...definitionStrategy(clock, registry) } })
  const context: ServerContext = { storage, registry, authorizer, clock, log, random, signal: stop.signal, admission: admissionChain(options.admission ?? []) }
  serveDefinitions(context, definitions)
  const discovery = discoveryServer(registry)
  const openApi = openApiServer(registry)
  const special = new Map<string, SpecialHandler>([
    ['/namespaces/finalize', finalizeNamespace],
    ['/pods/binding', bindPod],
  ])

  const answer = async (request: Request, peer: Peer): Promise<Response> => {
    const url = new URL(request.url)
    if (url.pathname === '/healthz' || url.pathname === '/livez' || url.pathname === '/readyz' || /^\/(healthz|livez|readyz)\//.test(url.pathname)) return answerText('ok')
    const user = await options.authenticate(request, peer)
    if (user === undefined) throw new ApiError('Unauthorized', 'Unauthorized')
    const info = requestInfo(request.method, url)
    authorizeOrThrow(context, user, info)
    if (url.pathname === '/version' || url.pathname === '/version/') return answerJson(versionInfo)
    if (!info.isResource) {
      const found = discovery(request, url.pathname) ?? (await openApi(request, url.pathname))
      if (found !== undefined) return found
      if (url.pathname === '/') return answerJson({ paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'] })
      throw new ApiError('NotFound', 'the server could not find the requested resource')
    }
    const resource = registry.find(info.group, info.version, info.resource)
    if (resource === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource')
    const warnings = new Set<string>(resource.deprecated === undefined ? [] : [resource.deprecated])
    return routeResource({ server: context, resource, info, search: url.searchParams, request, user, peer, warnings }, special)
  }
  return {
    context,
    async handler(request, peer) {
      try {
        return await answer(request, peer)
      } catch (error) {
        return answerError(error, log)
      }
    },
    upgrade(_request, socket) {
      socket.end('HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n')
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
    },
  }
}

