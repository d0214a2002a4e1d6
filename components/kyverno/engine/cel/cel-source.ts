import type { Json, JsonObject } from '@idp/formats'

/** A plural, as rules of admission name it. */
export interface GroupVersionResource { readonly group: string; readonly version: string; readonly resource: string }

export interface HttpRequest { readonly method: 'GET' | 'POST'; readonly url: string; readonly body?: Json; readonly headers: Readonly<Record<string, string>>; readonly caBundle?: string }

/** What an image policy asks about a signature. */
export interface SignatureQuestion { readonly image: string; readonly attestor: JsonObject; readonly attestation?: JsonObject }

/** Where CEL policies get data from: the only I/O of their engine. Every method may throw; the message becomes a CEL error. */
export interface CelSource {
  /** A resource (`apiVersion`, plural); undefined when there is none. */
  get(apiVersion: string, resource: string, namespace: string, name: string): Promise<Json | undefined>
  /** `{items: […]}`; namespace '' for all. */
  list(apiVersion: string, resource: string, namespace: string, labels: Readonly<Record<string, string>>): Promise<Json>
  post(apiVersion: string, resource: string, namespace: string, body: Json): Promise<Json>
  http(request: HttpRequest): Promise<Json>
  /** A GlobalContextEntry or one of its projections; null when there is none. */
  globalContext(name: string, projection: string): Promise<Json>
  /** Manifest, configuration and digest of an image in its registry. */
  imageData(image: string): Promise<Json>
  /** Whether an attestor signed an image (or an attestation of it). */
  isSigned(question: SignatureQuestion): Promise<boolean>
  /** The in-toto statement of an attestation that these attestors signed. */
  payload(image: string, attestation: JsonObject, attestors: readonly JsonObject[]): Promise<Json>
  /** The plural of a kind. */
  resourceOf(apiVersion: string, kind: string): GroupVersionResource | undefined
  namespace(name: string): Promise<JsonObject | undefined>
  now(): number
  /** From 0 up to 1, for names made up. */
  random(): number
}
