const origins = new WeakMap<object, string>()

/** Notes which file (and line) an object was read from, so that what is wrong with it can be found. */
export function noteOrigin<T extends object>(object: T, origin: string): T {
  origins.set(object, origin)
  return object
}

export function originOf(object: object): string | undefined {
  return origins.get(object)
}
