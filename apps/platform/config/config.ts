/** One node of the embedded cluster; on a real cluster, the pool that nodes are labelled into. */
export interface NodeConfig {
  /** Without the prefix of the cluster, e.g. `server-0`. */
  readonly name: string
  readonly role: 'control-plane' | 'worker'
  readonly labels: Readonly<Record<string, string>>
  readonly cpu: string
  readonly memory: string
}

/** What `idp.config.ts` of a platform repository exports by default. */
export interface PlatformConfig {
  readonly cluster: { readonly name: string; readonly nodes: readonly NodeConfig[] }
  readonly domain: {
    /** Needs no DNS at all: `*.localhost` is this machine in every browser. */
    readonly local: string
    /** A wildcard DNS name that resolves to this machine. */
    readonly public: string
  }
  readonly ports: { readonly https: number; readonly http: number }
  /** Branch of the platform repository that is deployed. */
  readonly branch: string
  /** A stack that is `false` is not deployed. */
  readonly stacks: { readonly observability: boolean; readonly events: boolean; readonly cicd: boolean; readonly security: boolean; readonly backstage: boolean }
  /** Secrets made once, at random, when the platform is first started, at these paths of Vault's KV mount `secret`. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, SecretSource>>>>
}

/** How a seeded secret comes about: `password` (24 letters and digits), `hex`, `bcrypt:<key>` (hash of another key of the same path), or `=text` for a fixed value that is no secret. */
export type SecretSource = string
