import { applyMergePatch, cloneJson, parseYaml, type JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { applyStrategicMergePatch, emptyMergeSchema } from '@idp/formats'
import type { Application } from '../../kinds/application.ts'
import type { ApplicationSet, ApplicationTemplate } from '../../kinds/application-set.ts'
import { renderTexts } from '../app-template.ts'
import { deepMerge, generate, type GeneratorWorld } from './generate.ts'
import type { Params } from './params.ts'

export const cascadeFinalizer = 'resources-finalizer.argocd.argoproj.io'

/** Thrown when an ApplicationSet cannot be turned into Applications; `reason` is that of its condition. */
export class GenerationError extends Error {
  override readonly name = 'GenerationError'
  readonly reason: string
  constructor(reason: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/** The Applications that a set asks for, in the order of its generators. Throws GenerationError. */
export async function applicationsOf(set: ApplicationSet, world: GeneratorWorld): Promise<Application[]> {
  const out: Application[] = []
  for (const [at, generator] of set.spec.generators.entries()) {
    let made: Awaited<ReturnType<typeof generate>>
    try {
      made = await generate(generator, world)
    } catch (error) {
      throw new GenerationError('ApplicationGenerationFromParamsError', `error generating params from generator ${at + 1}: ${withRemedy(error)}`, error)
    }
    const template = made.template === undefined ? set.spec.template : deepMerge(set.spec.template as unknown as JsonObject, made.template as unknown as JsonObject) as unknown as ApplicationTemplate
    for (const params of made.params) out.push(rendered(set, template, params, world))
  }
  const names = new Map<string, number>()
  for (const { metadata } of out) names.set(metadata.name ?? '', (names.get(metadata.name ?? '') ?? 0) + 1)
  const twice = [...names].find(([, count]) => count > 1)
  if (twice !== undefined) throw new GenerationError('ApplicationValidationError', `ApplicationSet ${set.metadata.name ?? ''} contains applications with duplicate name: ${twice[0]}`)
  return out
}

function rendered(set: ApplicationSet, template: ApplicationTemplate, params: Params, { renderer }: GeneratorWorld): Application {
  try {
    const bare = { metadata: template.metadata ?? {}, spec: template.spec ?? {} } as unknown as JsonObject
    let made = renderTexts(cloneJson(bare), params, renderer)
    if (set.spec.templatePatch !== undefined && set.spec.templatePatch !== '') made = patched(made, renderer.text(set.spec.templatePatch, params))
    return finished(made, set)
  } catch (error) {
    if (error instanceof GenerationError) throw error
    throw new GenerationError('RenderTemplateParamsError', withRemedy(error), error)
  }
}

function patched(application: JsonObject, text: string): JsonObject {
  const patch = parseYaml(text, { source: 'templatePatch' })
  if (patch === null) return application
  if (typeof patch !== 'object' || Array.isArray(patch)) throw new CodedError({ code: 'TemplateFailed', message: 'templatePatch is not a mapping', where: 'templatePatch' })
  const spec = patch['spec']
  if (spec !== null && typeof spec === 'object' && !Array.isArray(spec) && Object.hasOwn(spec, 'project')) throw new CodedError({ code: 'TemplateFailed', message: 'invalid templatePatch: spec.project is not permitted', where: 'templatePatch', remedy: 'Set the project in the template' })
  return applyStrategicMergePatch(application, patch, emptyMergeSchema) as JsonObject
}

function finished(made: JsonObject, set: ApplicationSet): Application {
  const metadata = { ...made['metadata'] as JsonObject } as Application['metadata']
  const namespace = set.metadata.namespace ?? ''
  if ((metadata.name ?? '') === '') throw new GenerationError('ApplicationValidationError', 'the template gives an Application without a name')
  const preserve = set.spec.syncPolicy?.preserveResourcesOnDeletion === true
  const finalizers = (metadata.finalizers ?? []).length > 0 ? metadata.finalizers : preserve ? undefined : [cascadeFinalizer]
  const { finalizers: _replaced, ...rest } = metadata
  return {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'Application',
    metadata: { ...rest, namespace, ...(finalizers === undefined ? {} : { finalizers }) }, spec: made['spec'] as unknown as Application['spec'],
  }
}

function withRemedy(error: unknown): string {
  const where = error instanceof CodedError && error.where !== undefined && !error.message.includes(error.where) ? ` (${error.where})` : ''
  return `${messageOf(error)}${where}${error instanceof CodedError && error.remedy !== undefined ? `. ${error.remedy}` : ''}`
}

/** For preserved fields: what live metadata keeps of keys that the template does not set. */
export function mergedInto(live: JsonObject, wanted: JsonObject): JsonObject {
  return applyMergePatch(live, wanted) as JsonObject
}
