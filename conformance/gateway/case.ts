/** One check. Fields that are absent are not looked at. */
export interface Case {
  /** Upstream's test of the same behaviour (sigs.k8s.io/gateway-api/conformance/tests), or `Spec: …` where it has none. */
  readonly upstream: string
  /** Name of the manifests in `fixtures.ts`. */
  readonly fixture: string
  readonly what: string
  readonly request?: {
    readonly port?: number
    /** The first Gateway by default. */
    readonly gateway?: string
    readonly host?: string
    readonly path?: string
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    /** For TLS listeners: the server name; the host is used otherwise. */
    readonly tls?: string | true
    /** Speaks gRPC: HTTP/2 from the first byte. */
    readonly grpc?: true
    /** Over TLS: what the connection carries instead of HTTP; the backend answers with `got …`. */
    readonly bytes?: string
    /** The certificate the client shows. */
    readonly certificate?: 'known' | 'stranger'
    /** How the backend fails, and how often, before it answers. */
    readonly failing?: { readonly how: number | 'closes' | 'hangs'; readonly times: number }
    /** A number in [0, 1) that weights and shares draw. */
    readonly random?: number
  }
  readonly expect: {
    readonly status?: number
    /** Name of the Service that answered. */
    readonly service?: string
    /** What the backend saw. */
    readonly path?: string
    readonly host?: string
    readonly received?: Readonly<Record<string, string | undefined>>
    readonly location?: string
    /** Of an answer that is not the echo's. */
    readonly body?: string
    readonly headers?: Readonly<Record<string, string | undefined>>
    /** Services that got a copy. */
    readonly mirrors?: readonly string[]
    /** Conditions `type=status reason`: of a route's parents (`HTTPRoute/name`), or a listener (`listener/name`). */
    readonly conditions?: Readonly<Record<string, readonly string[]>>
    /** Routes attached to a listener. */
    readonly attached?: Readonly<Record<string, number>>
    /** The connection or the TLS handshake fails. */
    readonly refused?: true
  }
}

type Request = NonNullable<Case['request']>

/** Rows that share fixture and upstream test. */
export function cases(upstream: string, fixture: string, rows: readonly (readonly [what: string, request: Request | undefined, expect: Case['expect']])[]): Case[] {
  return rows.map(([what, request, expect]) => ({ upstream, fixture, what, ...(request === undefined ? {} : { request }), expect }))
}
