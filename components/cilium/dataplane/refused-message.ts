/** A message that must not be forwarded; the status goes to the client. */
export class RefusedMessage extends Error {
  override readonly name = 'RefusedMessage'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Envoy's response flag for a refusal. */
export function refusalFlag(status: number): string {
  return status === 408 ? 'SI' : 'DPE'
}
