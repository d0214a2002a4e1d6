import { defineKind, type Kind } from '@idp/api'
import type { Json, JsonObject, KubeObject } from '@idp/formats'

/** GlobalContextEntry (kyverno.io): data kept at hand for all policies. */
export interface GlobalContextEntryObject extends KubeObject {
  readonly spec: {
    readonly kubernetesResource?: { readonly group?: string; readonly version: string; readonly resource: string; readonly namespace?: string }
    readonly apiCall?: {
      readonly urlPath?: string; readonly method?: string; readonly data?: readonly { readonly key: string; readonly value: Json }[]; readonly refreshInterval?: string; readonly retryLimit?: number
      readonly service?: { readonly url: string; readonly caBundle?: string; readonly headers?: readonly { readonly key: string; readonly value: string }[] }
    }
    readonly projections?: readonly { readonly name: string; readonly jmesPath: string }[]
  }
  readonly status?: { readonly lastRefreshTime?: string; readonly conditions?: readonly JsonObject[] }
}
export const GlobalContextEntry: Kind<GlobalContextEntryObject> = defineKind({ group: 'kyverno.io', version: 'v2', kind: 'GlobalContextEntry', plural: 'globalcontextentries', scope: 'Cluster', shortNames: ['gctxentry'], subresources: ['status'] })
