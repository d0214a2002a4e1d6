import type { Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf, rfc3339Micro, uuid, type Clock, type Random } from '@idp/kit'
import type { Entity } from '../catalog/entity.ts'
import { refOf } from '../catalog/entity.ts'
import { ajvWords } from '../catalog/validate-entity.ts'
import { isObject, validateSchema } from '../json-schema.ts'
import { actions, type ScaffolderWorld } from './actions.ts'
import { truthy, type Scope } from './expression.ts'
import { renderValue } from './template-text.ts'

export type TaskStatus = 'open' | 'processing' | 'completed' | 'failed' | 'cancelled' | 'skipped'
export interface TaskEvent { readonly id: number; readonly taskId: string; readonly type: 'log' | 'completion' | 'cancelled'; readonly createdAt: string; readonly body: JsonObject }
export interface Task { readonly id: string; readonly spec: JsonObject; status: TaskStatus; readonly createdAt: string; lastHeartbeatAt: string; readonly createdBy: string; output: JsonObject; readonly events: TaskEvent[] }

export interface TaskRequest { readonly template: Entity; readonly values: JsonObject; readonly user: Entity | undefined; readonly createdBy: string; readonly dryRun?: boolean; readonly files?: Map<string, Uint8Array> }

export interface Tasks {
  list(): readonly Task[]
  get(id: string): Task | undefined
  /** Starts at once; the promise ends with the task. */
  start(request: TaskRequest): { readonly task: Task; readonly done: Promise<Map<string, Uint8Array>> }
  cancel(id: string): void
  /** Ends when the task has another event, or has ended, or `signal` aborts. */
  changed(id: string, signal: AbortSignal): Promise<void>
}

const mostTasks = 100
const ended = (task: Task): boolean => task.status !== 'open' && task.status !== 'processing'

export function createTasks({ world, clock, random, signal }: { readonly world: ScaffolderWorld; readonly clock: Clock; readonly random: Random; readonly signal: AbortSignal }): Tasks {
  const tasks = new Map<string, Task>()
  const stops = new Map<string, AbortController>()
  const waiting = new Map<string, (() => void)[]>()
  const now = (): string => rfc3339Micro(clock.now())
  const wake = (id: string): void => { for (const one of waiting.get(id) ?? []) one(); waiting.delete(id) }
  const add = (task: Task, type: TaskEvent['type'], body: JsonObject): void => {
    task.lastHeartbeatAt = now()
    if (task.events.length < 5000) task.events.push({ id: task.events.length + 1, taskId: task.id, type, createdAt: task.lastHeartbeatAt, body })
    wake(task.id)
  }
  const work = async (task: Task, request: TaskRequest, stop: AbortSignal): Promise<Map<string, Uint8Array>> => {
    const workspace = request.files ?? new Map<string, Uint8Array>()
    const outputs: Record<string, JsonObject> = {}
    const user = request.user === undefined ? { ref: request.createdBy } : { ref: request.createdBy, entity: request.user as unknown as JsonObject }
    const scope = (): Scope => ({ parameters: request.values, steps: Object.fromEntries(Object.entries(outputs).map(([id, output]) => [id, { output }])), user, context: { task: { id: task.id } } })
    task.status = 'processing'
    const { spec } = task
    const steps = Array.isArray(spec['steps']) ? spec['steps'].filter(isObject) : []
    try {
      // Before anything runs: a template that needs what is not here leaves nothing half done.
      for (const step of steps) actionOf(step)
      for (const [index, step] of steps.entries()) {
        if (stop.aborted) break
        await runStep(step, idOf(step, index))
      }
      task.status = stop.aborted ? 'cancelled' : 'completed'
      if (task.status === 'completed') task.output = (renderValue(spec['output'] ?? {}, scope()) ?? {}) as JsonObject
      add(task, 'completion', { message: task.status === 'completed' ? 'Run completed with status: completed' : 'Run completed with status: cancelled', output: task.output })
    } catch (error) {
      task.status = stop.aborted ? 'cancelled' : 'failed'
      add(task, 'completion', { message: `Run completed with status: ${task.status}`, error: { name: 'Error', message: messageOf(error) } })
    }
    return workspace

    async function runStep(step: JsonObject, stepId: string): Promise<void> {
      const log = (message: string, extra: JsonObject = {}): void => add(task, 'log', { stepId, message, ...extra })
      const condition = typeof step['if'] === 'string' ? renderValue(step['if'], scope()) : step['if']
      if (condition !== undefined && (!truthy(condition) || condition === 'false')) { log(`Skipping step ${stepId} because its if condition was false`, { status: 'skipped' }); return }
      log(`Beginning step ${String(step['name'] ?? stepId)}`, { status: 'processing' })
      try {
        const used = actionOf(step)
        const over = typeof step['each'] === 'string' ? renderValue(step['each'], scope()) : step['each']
        const rounds: Scope[] = over === undefined ? [{}] : (Array.isArray(over) ? over.map((value, key) => ({ each: { key: String(key), value } })) : isObject(over) ? Object.entries(over).map(([key, value]) => ({ each: { key, value } })) : [])
        const collected: JsonObject = {}
        for (const round of rounds) {
          stop.throwIfAborted()
          const input = (renderValue(step['input'] ?? {}, { ...scope(), ...round }) ?? {}) as JsonObject
          const [wrong] = validateSchema(used.input, input)
          if (wrong !== undefined) throw new CodedError({ code: 'InvalidInput', message: `Invalid input passed to action ${used.id}, ${ajvWords(wrong)}`, where: `step ${stepId}` })
          await used.run(input, { world, workspace, dryRun: request.dryRun === true, signal: stop, templateUrl: locationOf(request.template), log, output: (name, value: Json) => { collected[name] = over === undefined ? value : [...(Array.isArray(collected[name]) ? collected[name] as Json[] : []), value] } })
        }
        outputs[stepId] = collected
        log(`Finished step ${String(step['name'] ?? stepId)}`, { status: 'completed' })
      } catch (error) {
        log(messageOf(error), { status: stop.aborted ? 'cancelled' : 'failed' })
        throw error
      }
    }
  }
  return {
    list: () => [...tasks.values()].reverse(), get: (id) => tasks.get(id),
    start(request) {
      const { template, values, createdBy } = request
      const spec: JsonObject = { apiVersion: template.apiVersion, templateInfo: { entityRef: refOf(template) }, parameters: values, steps: (Array.isArray(template.spec?.['steps']) ? template.spec['steps'].filter(isObject) : []).map((step, index) => ({ ...step, id: idOf(step, index), name: step['name'] ?? step['action'] ?? '' })), output: template.spec?.['output'] ?? {} }
      const task: Task = { id: uuid(random), spec, status: 'open', createdAt: now(), lastHeartbeatAt: now(), createdBy, output: {}, events: [] }
      const stop = new AbortController()
      if (request.dryRun !== true) {
        tasks.set(task.id, task)
        stops.set(task.id, stop)
        for (const [id, old] of tasks) if (tasks.size > mostTasks && ended(old)) tasks.delete(id)
      }
      const done = work(task, request, AbortSignal.any([stop.signal, signal])).finally(() => stops.delete(task.id))
      return { task, done }
    },
    cancel: (id) => stops.get(id)?.abort(),
    changed: (id, until) => new Promise((resolve) => {
      const task = tasks.get(id)
      if (until.aborted || task === undefined || ended(task)) { resolve(); return }
      waiting.set(id, [...waiting.get(id) ?? [], resolve])
      until.addEventListener('abort', () => resolve(), { once: true })
    }),
  }
}

function idOf(step: JsonObject, index: number): string {
  return typeof step['id'] === 'string' ? step['id'] : `step-${index + 1}`
}

function actionOf(step: JsonObject): (typeof actions)[number] {
  const found = actions.find(({ id }) => id === step['action'])
  if (found === undefined) throw new CodedError({ code: 'UnknownAction', message: `Template action with ID '${String(step['action'])}' is not registered.`, where: `step ${String(step['id'] ?? step['name'] ?? '')}`, remedy: `These are: ${actions.map(({ id }) => id).join(', ')}` })
  return found
}

/** URL of the file that a template came from. */
function locationOf(template: Entity): string {
  const location = template.metadata.annotations?.['backstage.io/managed-by-location'] ?? ''
  return location.slice(location.indexOf(':') + 1)
}
