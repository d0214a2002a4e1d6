/** True when `hostname` (which may be `*.example.com`) covers `name`. A wildcard covers one or more labels (Gateway API, Listener.hostname). */
export function covers(hostname: string, name: string): boolean {
  if (!hostname.startsWith('*.')) return hostname === name
  const suffix = hostname.slice(1)
  return name.length > suffix.length && name.endsWith(suffix)
}

/** The narrower of two hostnames when one lies within the other, otherwise undefined. Undefined or `''` stands for any name. */
export function intersect(listener: string | undefined, route: string): string | undefined {
  if (listener === undefined || listener === '' || listener === '*') return route
  if (route === '*') return listener
  if (listener === route) return route
  if (listener.startsWith('*.') && (route.startsWith('*.') ? route.endsWith(listener.slice(1)) : covers(listener, route))) return route
  if (route.startsWith('*.') && covers(route, listener)) return listener
  return undefined
}

/** The hostnames that a route serves on a listener; empty when they do not meet. A route without hostnames takes the listener's. */
export function servedHostnames(listener: string | undefined, route: readonly string[] | undefined): string[] {
  if (route === undefined || route.length === 0) return [listener === undefined || listener === '' ? '*' : listener]
  const served = new Set<string>()
  for (const hostname of route) {
    const both = intersect(listener, hostname)
    if (both !== undefined) served.add(both)
  }
  return [...served]
}

/** Finds the entry for a name: exact, then the longest wildcard, then `*`. */
export class HostnameMap<T> {
  readonly #exact = new Map<string, T>()
  /** Suffix with its dot, e.g. `.example.com`. */
  readonly #wildcards = new Map<string, T>()
  #any: T | undefined

  entry(hostname: string, make: () => T): T {
    if (hostname === '*') return (this.#any ??= make())
    const [map, key] = hostname.startsWith('*.') ? [this.#wildcards, hostname.slice(1)] : [this.#exact, hostname]
    const known = map.get(key)
    if (known !== undefined) return known
    const made = make()
    map.set(key, made)
    return made
  }

  find(name: string): T | undefined {
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    if (this.#wildcards.size > 0) {
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
        const found = this.#wildcards.get(name.slice(dot))
        if (found !== undefined && dot > 0) return found
      }
    }
    return this.#any
  }

  /** Every entry, in no order that matters. */
  *values(): Generator<T> {
    yield* this.#exact.values()
    yield* this.#wildcards.values()
    if (this.#any !== undefined) yield this.#any
  }
}
