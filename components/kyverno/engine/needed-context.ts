import type { ContextEntry, Rule } from '../kinds/policy.ts'

/** The entries of a rule's context that something in it names: those that its preconditions need, and those that the rest needs besides. Data nobody asks for is not fetched, and what the preconditions rule out is not either. */
export interface NeededContext { readonly early: readonly ContextEntry[]; readonly late: readonly ContextEntry[] }

const plans = new WeakMap<Rule, NeededContext>()

/** Worked out once per rule. */
export function neededContext(rule: Rule): NeededContext {
  const known = plans.get(rule)
  if (known !== undefined) return known
  const made = plan(rule)
  plans.set(rule, made)
  return made
}

function plan({ context = [], preconditions, name: _name, match: _match, exclude: _exclude, ...rest }: Rule): NeededContext {
  const names = context.map((entry) => entry.name)
  // A name that is set again stands for another value from there on: all in their order.
  if (new Set(names).size < names.length) return { early: context, late: [] }
  const early = reached(context, JSON.stringify(preconditions ?? null))
  const late = reached(context, JSON.stringify(rest))
  return { early: context.filter((entry) => early.has(entry)), late: context.filter((entry) => late.has(entry) && !early.has(entry)) }
}

/** The entries that a text names, and those that these name in turn. */
function reached(context: readonly ContextEntry[], text: string): ReadonlySet<ContextEntry> {
  const found = new Set<ContextEntry>()
  const look = (where: string): void => {
    for (const entry of context) {
      if (found.has(entry) || !names(where, entry.name)) continue
      found.add(entry)
      look(JSON.stringify({ ...entry, name: undefined }))
    }
  }
  look(text)
  return found
}

const names = (text: string, name: string): boolean => new RegExp(`(^|[^\\w])${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}($|[^\\w])`).test(text)
