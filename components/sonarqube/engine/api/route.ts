import type { Log } from '@idp/kit'
import { ApiRefusal } from '../api-error.ts'
import type { Accounts } from '../accounts.ts'
import type { Project, State } from '../state.ts'

/** What the API works on. */
export interface Server {
  readonly state: State
  readonly accounts: Accounts
  readonly version: string
  readonly now: () => number
  readonly newKey: () => string
  /** Writes the state; after everything that changes it. */
  readonly save: () => Promise<void>
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  readonly log: Log
  /** The monitoring passcode; undefined when none is set. */
  readonly passcode: () => string | undefined
}

export interface Call { readonly request: Request; readonly params: Params; readonly server: Server }

/** One address of the API. Everything but `open` needs a sign-in; a route that is a POST changes something. */
export interface Route { readonly open?: true; readonly run: (call: Call) => Promise<unknown> | unknown }
export type Routes = Readonly<Record<string, Route>>

/** Parameters of query and form. */
export interface Params {
  get(name: string): string | undefined
  /** Throws ApiRefusal when it is not there. */
  need(name: string): string
  /** A list by commas; undefined when not given. */
  list(name: string): readonly string[] | undefined
  page(): { readonly p: number; readonly ps: number }
}

export function paramsOf(all: URLSearchParams): Params {
  const get = (name: string): string | undefined => all.get(name) ?? undefined
  const number = (name: string, fallback: number, most: number): number => {
    const value = Number(get(name) ?? fallback)
    if (!Number.isInteger(value) || value < 1 || value > most) throw new ApiRefusal(`'${name}' must be a number from 1 to ${most}`)
    return value
  }
  return {
    get,
    need(name) {
      const value = get(name)
      if (value === undefined || value === '') throw new ApiRefusal(`The '${name}' parameter is missing`)
      return value
    },
    list: (name) => get(name)?.split(',').filter((part) => part !== ''),
    page: () => ({ p: number('p', 1, 10_000), ps: number('ps', 100, 500) }),
  }
}

/** One page of a list, as the API writes it. */
export function paged<T>(all: readonly T[], { p, ps }: { readonly p: number; readonly ps: number }): { readonly items: T[]; readonly paging: { readonly pageIndex: number; readonly pageSize: number; readonly total: number } } {
  return { items: all.slice((p - 1) * ps, p * ps), paging: { pageIndex: p, pageSize: ps, total: all.length } }
}

/** Throws ApiRefusal 404 in the words of the server. */
export function projectOf({ projects }: State, key: string): Project {
  const project = Object.hasOwn(projects, key) ? projects[key] : undefined
  if (project === undefined) throw new ApiRefusal(`Component key '${key}' not found`, 404)
  return project
}

/** `2025-01-31T12:00:00+0000` */
export const dateTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}+0000`
