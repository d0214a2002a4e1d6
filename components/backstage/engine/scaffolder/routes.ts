import type { JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { objectBody } from '../catalog/routes.ts'
import { canonicalRef, type Catalog } from '../catalog/catalog.ts'
import { formatEntityRef, type Entity } from '../catalog/entity.ts'
import { validateEntity } from '../catalog/validate-entity.ts'
import { errorAnswer } from '../http-answer.ts'
import { isObject, unknownKeywords, validateSchema, type SchemaProblem } from '../json-schema.ts'
import type { Caller } from '../tokens.ts'
import { actions } from './actions.ts'
import type { Task, Tasks } from './tasks.ts'

export interface ScaffolderContext { readonly catalog: Catalog; readonly tasks: Tasks; readonly caller: Caller; readonly signal: AbortSignal }

/** Answers what lies below `/api/scaffolder/v2`, as upstream's backend; undefined when there is no such route. */
export async function answerScaffolder(request: Request, path: string, context: ScaffolderContext): Promise<Response | undefined> {
  const { catalog, tasks, caller } = context
  const [, first, second, ...rest] = path.split('/').map(decodeURIComponent)
  const query = new URL(request.url).searchParams
  const method = request.method
  if (first === 'actions' && method === 'GET') return Response.json(actions.map(({ id, description, input, output }) => ({ id, description, schema: { input, ...(output === undefined ? {} : { output }) } })))
  if (first === 'templates' && method === 'GET' && rest[2] === 'parameter-schema') {
    const found = catalog.get(formatEntityRef({ namespace: second ?? '', kind: rest[0] ?? '', name: rest[1] ?? '' }))
    return found?.kind === 'Template' ? Response.json(parameterSchema(found)) : errorAnswer(request, 'NotFoundError', `Template ${rest[1] ?? ''} not found`)
  }
  if (first === 'dry-run' && method === 'POST') return dryRun(request, context)
  if (first !== 'tasks') return undefined
  if (second === undefined && method === 'GET') {
    const by = query.getAll('createdBy')
    const found = tasks.list().filter((task) => (by.length === 0 || by.includes(task.createdBy)) && (query.getAll('status').length === 0 || query.getAll('status').includes(task.status)))
    const [offset, limit] = [Number(query.get('offset') ?? 0), Number(query.get('limit') ?? 100)]
    return Response.json({ tasks: found.slice(offset, offset + limit).map(taskView), totalTasks: found.length })
  }
  if (second === undefined && method === 'POST') {
    const { templateRef, values, secrets } = await objectBody(request)
    if (secrets !== undefined && isObject(secrets) && Object.keys(secrets).length > 0) return errorAnswer(request, 'NotImplementedError', 'secrets of a task are not supported')
    const template = typeof templateRef === 'string' ? catalog.get(canonicalRef(templateRef)) : undefined
    if (template?.kind !== 'Template') return errorAnswer(request, 'NotFoundError', `Template ${String(templateRef)} not found`)
    const given = isObject(values) ? values : {}
    const errors = parameterErrors(template, given)
    if (errors.length > 0) return Response.json({ errors }, { status: 400 })
    const { task, done } = tasks.start({ template, values: withDefaults(template, given), user: catalog.get(caller.ref), createdBy: caller.ref })
    done.catch(() => undefined)
    return Response.json({ id: task.id }, { status: 201 })
  }
  const task = tasks.get(second ?? '')
  if (task === undefined) return errorAnswer(request, 'NotFoundError', `No task with id '${second ?? ''}' found`)
  if (rest[0] === undefined && method === 'GET') return Response.json(taskView(task))
  if (rest[0] === 'cancel' && method === 'POST') { tasks.cancel(task.id); return Response.json({ status: 'cancelled' }) }
  const after = Number(query.get('after') ?? 0)
  if (rest[0] === 'events' && method === 'GET') return Response.json(task.events.filter(({ id }) => id > after))
  if (rest[0] === 'eventstream' && method === 'GET') return eventStream(task, after, tasks, AbortSignal.any([request.signal, context.signal]))
  return undefined
}

const taskView = ({ id, spec, status, createdAt, lastHeartbeatAt, createdBy, output }: Task): JsonObject => ({ id, spec, status, createdAt, lastHeartbeatAt, createdBy, state: {}, output })

/** The pages of a template's form. */
function pagesOf(template: Entity): JsonObject[] {
  return [template.spec?.['parameters'] ?? []].flat().filter(isObject)
}

function parameterSchema(template: Entity): JsonObject {
  return { title: template.metadata.title ?? template.metadata.name, ...(template.metadata.description === undefined ? {} : { description: template.metadata.description }), steps: pagesOf(template).map((schema) => ({ title: schema['title'] ?? 'Please enter the following information', ...(schema['description'] === undefined ? {} : { description: schema['description'] }), schema })) }
}

/** What is wrong with the values of a form: upstream's shape (`path`, `property`, `message`, `name`, `argument`, `stack`). Throws CodedError `UnsupportedSchema`. */
export function parameterErrors(template: Entity, values: JsonObject): JsonObject[] {
  return pagesOf(template).flatMap((schema) => {
    const [unknown] = unknownKeywords(schema)
    if (unknown !== undefined) throw new CodedError({ code: 'UnsupportedSchema', message: `the form of ${template.metadata.name} uses the JSON schema keyword ${unknown}, which is not supported here` })
    return validateSchema(schema, values).map((problem) => {
      const steps = problem.path.split('/').filter((part) => part !== '')
      const property = ['instance', ...steps].join('.')
      const message = formWords(problem)
      return { path: steps, property, message, name: problem.keyword, argument: Object.values(problem.params)[0] ?? null, stack: `${property} ${message}` }
    })
  })
}

/** The words of the form's validator upstream, which is not Ajv. */
function formWords({ keyword, message, params }: SchemaProblem): string {
  if (keyword === 'required') return `requires property "${String(params['missingProperty'])}"`
  if (keyword === 'type') return `is not of a type(s) ${String(params['type'])}`
  if (keyword === 'enum') return `is not one of enum values: ${String(params['allowedValues'])}`
  if (keyword === 'pattern') return `does not match pattern ${JSON.stringify(params['pattern'])}`
  if (keyword === 'minLength') return `does not meet minimum length of ${String(params['limit'])}`
  if (keyword === 'maxLength') return `does not meet maximum length of ${String(params['limit'])}`
  return message
}

function withDefaults(template: Entity, values: JsonObject): JsonObject {
  const defaults: JsonObject = {}
  for (const page of pagesOf(template)) for (const [name, schema] of Object.entries(isObject(page['properties']) ? page['properties'] : {})) if (isObject(schema) && schema['default'] !== undefined) defaults[name] = schema['default']
  return { ...defaults, ...values }
}

async function dryRun(request: Request, { catalog, tasks, caller }: ScaffolderContext): Promise<Response> {
  const { template, values, directoryContents } = await objectBody(request)
  const [wrong] = validateEntity(template ?? null)
  if (wrong !== undefined) return errorAnswer(request, 'InputError', wrong.message)
  const entity = template as unknown as Entity
  const given = isObject(values) ? values : {}
  const errors = parameterErrors(entity, given)
  if (errors.length > 0) return Response.json({ errors }, { status: 400 })
  const files = new Map((Array.isArray(directoryContents) ? directoryContents.filter(isObject) : []).map((one) => [String(one['path']), Buffer.from(String(one['base64Content'] ?? ''), 'base64')]))
  const { task, done } = tasks.start({ template: entity, values: withDefaults(entity, given), user: catalog.get(caller.ref), createdBy: caller.ref, dryRun: true, files })
  const workspace = await done
  return Response.json({ log: task.events.map(({ body }) => ({ body })), directoryContents: [...workspace].map(([path, content]) => ({ path, base64Content: Buffer.from(content).toString('base64') })), output: task.output, steps: task.spec['steps'], status: task.status })
}

/** Server-sent events, until the task has ended. */
function eventStream(task: Task, after: number, tasks: Tasks, signal: AbortSignal): Response {
  let sent = after
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const fresh = task.events.filter(({ id }) => id > sent)
        for (const event of fresh) controller.enqueue(Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))
        sent = fresh.at(-1)?.id ?? sent
        if (signal.aborted || fresh.some(({ type }) => type === 'completion')) { controller.close(); return }
        if (fresh.length > 0) return
        if (task.status !== 'open' && task.status !== 'processing') { controller.close(); return }
        await tasks.changed(task.id, signal)
      }
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' } })
}
