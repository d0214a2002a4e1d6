import { presenter, type Presenter } from '../presenter.ts'
import type { ServerContext } from '../server-context.ts'

const presenters = new WeakMap<ServerContext['storage'], Presenter>()

/** The server's one presenter: its caches are shared by all requests. */
export function presenterOf(server: Pick<ServerContext, 'storage'>): Presenter {
  let known = presenters.get(server.storage)
  if (known === undefined) presenters.set(server.storage, (known = presenter(server.storage.codec)))
  return known
}
