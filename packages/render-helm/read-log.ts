import { isMap, type GoMap, type Reads } from '@idp/lang-gotemplate/core'

/** What one template looked at in one map or list. */
export interface Look {
  keys: Set<string> | undefined
  truth: boolean
  shallow: boolean
  deep: boolean
}

/** Maps and lists that templates of several files can reach: what is in them decides which outputs still hold. */
export type Shared = WeakSet<object>

/** Notes what is below a value as shared. */
export function share(value: unknown, shared: Shared): void {
  if (Array.isArray(value)) {
    if (shared.has(value)) return
    shared.add(value)
    for (const item of value) share(item, shared)
  } else if (isMap(value) && !shared.has(value)) {
    shared.add(value)
    for (const key of Object.keys(value)) share(value[key], shared)
  }
}

/** Notes what one template looks at of what is shared. What it wrote itself, and then reads, is its own. */
export class ReadLog implements Reads {
  readonly looks = new Map<object, Look>()
  private readonly shared: Shared
  private own: Map<object, Set<string>> | undefined
  private last: object | undefined
  private lastLook: Look | undefined

  constructor(shared: Shared) {
    this.shared = shared
  }

  wrote(map: object, key: string): void {
    this.own ??= new Map()
    const keys = this.own.get(map)
    if (keys === undefined) this.own.set(map, new Set([key]))
    else keys.add(key)
  }

  key(container: object, key: string): void {
    const look = this.look(container)
    if (look === undefined || this.own?.get(container)?.has(key) === true) return
    look.keys ??= new Set()
    look.keys.add(key)
  }

  /** What another template looked at. */
  add(looks: ReadonlyMap<object, Look>): void {
    for (const [container, { keys, truth, shallow, deep }] of looks) {
      const look = this.look(container)
      if (look === undefined) continue
      look.truth ||= truth
      look.shallow ||= shallow
      look.deep ||= deep
      if (keys === undefined) continue
      look.keys ??= new Set()
      for (const key of keys) look.keys.add(key)
    }
  }

  truth(container: object): void {
    const look = this.look(container)
    if (look !== undefined) look.truth = true
  }

  shallow(container: object): void {
    const look = this.look(container)
    if (look !== undefined) look.shallow = true
  }

  deep(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    const look = this.look(value)
    if (look !== undefined) look.deep = true
    else if (Array.isArray(value)) for (const item of value) this.deep(item)
    else if (isMap(value)) for (const key of Object.keys(value)) this.deep((value as GoMap)[key])
  }

  /** Templates look at the same map again and again. */
  private look(container: object): Look | undefined {
    if (container === this.last) return this.lastLook
    let look = this.looks.get(container)
    if (look === undefined && this.shared.has(container)) this.looks.set(container, look = { keys: undefined, truth: false, shallow: false, deep: false })
    this.last = container
    this.lastLook = look
    return look
  }
}
