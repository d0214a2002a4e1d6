import { CodedError } from '@idp/kit'
import type { CommandContext } from '../context.ts'
import { renderHelmCommand } from '../render/helm.ts'
import { renderKustomizeCommand } from '../render/kustomize.ts'

/** `idp render helm [NAME] CHART [flags]` and `idp render kustomize DIR [flags]`: the renderers on their own, with upstream's flags. */
export async function render(context: CommandContext, what: string, rest: readonly string[]): Promise<void> {
  if (what === 'helm') return await renderHelmCommand(context, rest)
  if (what === 'kustomize') return await renderKustomizeCommand(context, rest)
  throw new CodedError({ code: 'UnknownRenderer', message: `'${what}' is not a renderer`, remedy: 'There are helm and kustomize' })
}
