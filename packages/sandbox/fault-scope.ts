import { AsyncLocalStorage } from 'node:async_hooks'

/** Who answers for errors that nobody catches: throws in callbacks, rejections that nobody awaits. */
export interface FaultScope { fail(error: unknown): void }

const scopes = new AsyncLocalStorage<FaultScope | undefined>()

/** Runs `body`, and everything it starts, in a scope. */
export function inFaultScope<T>(scope: FaultScope | undefined, body: () => T): T {
  return scopes.run(scope, body)
}

/** A function that runs in the scope of now, whoever calls it: what a server gave to the network must not fail in its client's name. */
export function boundToScope<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
  const scope = scopes.getStore()
  return (...args) => scopes.run(scope, call, ...args)
}

let installed = 0

/**
 * While it is held, uncaught errors of the process go to the scope they come from instead of ending the process.
 * Those that come from no scope end it, as they do by default (unhandled rejections only if nobody else listens for them).
 */
export function containFaults(): Disposable {
  if (installed++ === 0) {
    process.on('uncaughtException', onException)
    process.on('unhandledRejection', onRejection)
  }
  let held = true
  return {
    [Symbol.dispose]() {
      if (!held) return
      held = false
      if (--installed > 0) return
      process.off('uncaughtException', onException)
      process.off('unhandledRejection', onRejection)
    },
  }
}

function onException(error: unknown): void {
  const scope = scopes.getStore()
  if (scope === undefined) throw error
  scope.fail(error)
}

function onRejection(error: unknown): void {
  const scope = scopes.getStore()
  if (scope !== undefined) return scope.fail(error)
  if (process.listenerCount('unhandledRejection') === 1) throw error
}
