import type { Clock } from '@idp/kit'
import { evaluateGroup, newGroup, type GroupState, type RuleContext } from '../engine/evaluate-rules.ts'
import type { RuleGroup } from '../engine/rule-file.ts'

export interface RuleRunner extends Disposable {
  /** Takes rule groups; one that is unchanged keeps its alerts and its rhythm. */
  configure(groups: readonly RuleGroup[]): void
  groups(): readonly GroupState[]
}

export interface RuleRunnerOptions {
  readonly clock: Clock
  readonly context: () => RuleContext
  /** Milliseconds from any start, for measuring. */
  readonly elapsed: () => number
  /** Called after each evaluation. */
  readonly evaluated: (group: GroupState) => void
}

interface Running { readonly text: string; readonly state: GroupState; timer: Disposable }

const fingerprint = ({ file, name, interval, rules }: RuleGroup): string => JSON.stringify([file, name, interval, rules.map((rule) => ({ ...rule, expr: undefined }))])

/** Evaluates every group at its interval, spread so that they do not all run at once. */
export function ruleRunner({ clock, context, elapsed, evaluated }: RuleRunnerOptions): RuleRunner {
  const running = new Map<string, Running>()
  const start = (group: RuleGroup, text: string, place: number): Running => {
    const state = newGroup(group)
    const one: Running = { text, state, timer: clock.timer(Math.min(group.interval, 1000 + place * 97), () => round(clock.now())) }
    const round = (due: number): void => {
      evaluateGroup(state, clock.now(), elapsed, context())
      evaluated(state)
      const next = due + group.interval * Math.max(1, Math.ceil((clock.now() - due) / group.interval))
      one.timer = clock.timer(next - clock.now(), () => round(next))
    }
    return one
  }
  return {
    configure(groups) {
      const wanted = new Map(groups.map((group) => [`${group.file};${group.name}`, group]))
      for (const [key, one] of running) {
        const group = wanted.get(key)
        if (group !== undefined && fingerprint(group) === one.text) continue
        one.timer[Symbol.dispose]()
        running.delete(key)
      }
      let place = 0
      for (const [key, group] of wanted) if (!running.has(key)) running.set(key, start(group, fingerprint(group), place++))
    },
    groups: () => [...running.values()].map(({ state }) => state),
    [Symbol.dispose]() { for (const { timer } of running.values()) timer[Symbol.dispose]() },
  }
}
