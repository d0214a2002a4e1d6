/** What a request did wrong, in the words of the answer. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal'
  readonly status: number
  constructor(message: string, status = 400) {
    super(message)
    this.status = status
  }
}
