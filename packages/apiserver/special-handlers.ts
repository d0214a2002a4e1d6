import { apiVersionOf, builtInKinds, columnsFor, decodeBuiltIn, schemaFor, type Kind } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { Authenticator } from './authn/authenticator.ts'
import type { TokenSigner } from './authn/service-account-tokens.ts'
import { selfSubjectReview, tokenHandlers } from './authn/token-handlers.ts'
import { accessReviewHandlers } from './authz/access-reviews.ts'
import type { Authorizer } from './authz/authorizer.ts'
import { bindPod } from './built-in/bind-pod.ts'
import { evictPod } from './built-in/evict-pod.ts'
import { finalizeNamespace } from './built-in/finalize-namespace.ts'
import { podLog } from './node/pod-log.ts'
import { proxyRequest } from './node/proxy.ts'
import type { Resource } from './resource.ts'
import { onlyFields, onlyResources, partialSubresource } from './verbs/partial-subresource.ts'
import type { SpecialHandler } from './verbs/route-resource.ts'

export interface SpecialHandlerOptions {
  readonly authorizer: Authorizer
  readonly signer: TokenSigner
  readonly authenticator: Authenticator
  readonly audiences: readonly string[]
  resource(group: string, plural: string): Resource
}

/** Kinds that are questions: posted, answered, never stored. */
const questions = new Set(['tokenreviews', 'selfsubjectreviews', 'localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews'])

/** Everything that is not create, read, update and delete of a stored object. */
export function specialHandlers({ authorizer, signer, authenticator, audiences }: SpecialHandlerOptions): { readonly handlers: ReadonlyMap<string, SpecialHandler>; readonly resources: ReadonlyMap<string, Resource> } {
  return {
    handlers: new Map<string, SpecialHandler>([
      ['/namespaces/finalize', finalizeNamespace], ['/pods/binding', bindPod], ['/pods/eviction', evictPod],
      ['/pods/ephemeralcontainers', partialSubresource(onlyFields(['spec', 'ephemeralContainers']))], ['/pods/resize', partialSubresource(onlyResources)],
      ['certificates.k8s.io/certificatesigningrequests/approval', partialSubresource(onlyFields(['status', 'conditions']))],
      ['/pods/log', podLog], ['/pods/proxy', proxyRequest], ['/services/proxy', proxyRequest], ['/nodes/proxy', proxyRequest],
      ...accessReviewHandlers(authorizer), ...tokenHandlers(signer, authenticator, audiences), selfSubjectReview,
    ]),
    resources: new Map(builtInKinds.filter((kind) => questions.has(kind.plural)).map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, question(kind as Kind<AnyObject>)])),
  }
}

function question(kind: Kind<AnyObject>): Resource {
  return {
    kind, builtIn: true, prefix: '', storageApiVersion: apiVersionOf(kind), schema: schemaFor(kind), hasStatus: false, scale: undefined, columns: columnsFor(kind),
    selectableFields: [], verbs: ['create'], decode: (object) => decodeBuiltIn(kind, object), normalize() {}, validate: () => [],
  }
}
