/** A CA that is to be trusted. */
export interface Authority {
  /** Of the cluster. */
  readonly cluster: string
  readonly pem: string
  /** Where the certificate is kept for programs that want a file. */
  readonly file: string
  /** SHA-256 and SHA-1 of the certificate, hex. */
  readonly fingerprint: string
  readonly sha1: string
}

/** Done; or not, with the commands that do it. */
export type Outcome = { readonly done: true } | { readonly done: false; readonly reason: string; readonly commands: readonly string[] }

/** One place where a system keeps whom it trusts. */
export interface TrustStore {
  /** Stays the same from call to call: what was done is remembered by it. */
  readonly id: string
  /** For whom it counts, e.g. `Chromium and Chrome`. */
  readonly audience: string
  add(authority: Authority): Promise<Outcome>
  remove(authority: Authority): Promise<Outcome>
  /** Whether it holds the CA although nothing is remembered of it: put there by hand. */
  holds?(authority: Authority): Promise<boolean>
}

/** The name under which stores show the CA; another CA of the same cluster has another name. */
export const nicknameOf = ({ cluster, fingerprint }: Authority): string => `idp ${cluster} ${fingerprint.slice(0, 8)}`

export const done: Outcome = { done: true }
export const undone = (reason: string, ...commands: readonly string[]): Outcome => ({ done: false, reason, commands })

/** A path or name as a shell takes it. */
export const quote = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`)
