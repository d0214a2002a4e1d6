/** A message that must not be forwarded; the status goes to the client. */
export class RefusedMessage extends Error {
  override readonly name = 'RefusedMessage'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
