import { isMap, setKey, type GoMap, type Reads, type Recorder, type Template } from '@idp/lang-gotemplate/core'
import type { Look, Shared } from './read-log.ts'
import { Trace, type Reach } from './trace.ts'

export interface TrackerOptions {
  readonly file: string
  readonly shared: Shared
  /** The dots of charts, which say in which file a template is. */
  readonly dots: ReadonlySet<unknown>
  /** Does what something depended on still hold? */
  readonly holds: (trace: Trace) => boolean
}

/** Notes what one template depends on, statement by statement. What it wrote itself, and then reads, is its own. */
export class Tracker implements Reads, Recorder {
  readonly root: Trace
  private top: Trace
  private readonly options: TrackerOptions
  private own: Map<object, Set<string>> | undefined
  private last: object | undefined
  private lastLook: Look | undefined

  constructor(options: TrackerOptions) {
    this.options = options
    this.root = this.top = new Trace(options.file, undefined)
  }

  enter(reach?: Reach): void {
    this.top = new Trace(this.top.file, this.top, reach)
    this.last = undefined
  }

  leave(): Trace | undefined {
    const trace = this.end()
    return trace.isImpure || trace.mutates ? undefined : trace
  }

  /** Ends what `enter` began. */
  end(): Trace {
    const trace = this.top
    if (trace.outer === undefined) throw new TypeError('nothing has begun')
    this.top = trace.outer
    this.last = undefined
    this.top.add(trace)
    return trace
  }

  again(held: object): boolean {
    const trace = held as Trace
    if ((trace.asksFile && trace.file !== this.top.file) || !this.options.holds(trace)) return false
    this.add(trace)
    return true
  }

  /** What is not run again counts all the same. */
  add(trace: Trace): void {
    this.top.add(trace)
  }

  lasts(value: unknown): boolean {
    return typeof value !== 'object' || value === null || this.options.shared.has(value)
  }

  entered(name: string, template: Template): void {
    (this.top.used ??= new Map()).set(name, template)
  }

  asked(test: (path: string) => boolean): void {
    (this.top.files ??= []).push(test)
  }

  impure(): void {
    this.top.isImpure = true
  }

  /** A map is about to change. What an include changes of maps it made itself does not matter outside. */
  mutated(map: GoMap, key: string, value: unknown): void {
    for (let trace: Trace | undefined = this.top; trace !== undefined; trace = trace.outer) {
      const { reach } = trace
      if (reach !== undefined && reach.data !== map && !this.options.shared.has(map)) return
      trace.mutates = true
      if (reach === undefined || reach.data === reach.original || reach.data !== map) continue
      // The caller sees it in the map it gave.
      if (value === undefined) delete (reach.original as GoMap)[key]
      else setKey(reach.original as GoMap, key, value)
    }
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
    if (key === 'Template' && this.options.dots.has(container)) this.top.asksFile = true
  }

  truth(container: object): void {
    const look = this.look(container)
    if (look !== undefined) look.truth = true
  }

  shallow(container: object): void {
    const look = this.look(container)
    if (look === undefined) return
    look.shallow = true
    if (this.options.dots.has(container)) this.top.asksFile = true
  }

  deep(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    const look = this.look(value)
    if (look !== undefined) {
      look.deep = true
      if (this.options.dots.has(value)) this.top.asksFile = true
    } else if (Array.isArray(value)) for (const item of value) this.deep(item)
    else if (isMap(value)) for (const key of Object.keys(value)) this.deep((value as GoMap)[key])
  }

  /** Templates look at the same map again and again. */
  private look(container: object): Look | undefined {
    if (container === this.last) return this.lastLook
    const looks = this.top.looks ??= new Map()
    let look = looks.get(container)
    if (look === undefined && this.options.shared.has(container)) looks.set(container, look = { keys: undefined, truth: false, shallow: false, deep: false })
    this.last = container
    this.lastLook = look
    return look
  }
}
