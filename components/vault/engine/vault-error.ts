/** A refusal as Vault's HTTP API words it: a status and `{"errors": […]}`. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly status: number
  readonly errors: readonly string[]
  constructor(status: number, ...errors: string[]) {
    super(errors.join('; '))
    this.status = status
    this.errors = errors
  }
}

export const badRequest = (message: string): VaultError => new VaultError(400, message)

/** Upstream wraps refusals of its core in a list; clients match on these words. */
export const permissionDenied = (...also: string[]): VaultError => new VaultError(403, listed('permission denied', ...also))

/** A token that is not there, or no longer. */
export const invalidToken = (): VaultError => permissionDenied('invalid token')

export const missingToken = (): VaultError => new VaultError(403, 'permission denied')

export const unsupportedOperation = (): VaultError => new VaultError(405, listed('unsupported operation'))

export const unsupportedPath = (): VaultError => new VaultError(404, listed('unsupported path'))

export const notFound = (): VaultError => new VaultError(404)

export const noRoute = (path: string): VaultError => new VaultError(404, `no handler for route ${JSON.stringify(path)}. route entry not found.`)

export const isSealed = (): VaultError => new VaultError(503, 'Vault is sealed')

/** How Go's multierror prints. */
export function listed(...messages: string[]): string {
  return `${messages.length === 1 ? '1 error' : `${messages.length} errors`} occurred:\n${messages.map((m) => `\t* ${m}\n`).join('')}\n`
}
