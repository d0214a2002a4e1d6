import type { KubeObject } from '@idp/formats'
import { bootstrapSteps, type BootstrapStep } from './steps.ts'

/** The objects of a folder of the repository, rendered once. */
export type RenderedFolders = (path: string) => Promise<readonly KubeObject[]>

/**
 * Begins at once to render the folders of all steps, one after the other in the order in which they are needed: the first can be applied while
 * the last are rendered, and all of it can happen while the cluster still starts. A failure is thrown to who asks for that folder.
 */
export function renderSteps(render: RenderedFolders, steps: readonly BootstrapStep[] = bootstrapSteps): RenderedFolders {
  const rendered = new Map<string, Promise<readonly KubeObject[]>>()
  let before: Promise<unknown> = Promise.resolve()
  for (const { path } of steps) {
    if (path === undefined || rendered.has(path)) continue
    const rendering = before.then(() => render(path))
    before = rendering.catch(() => {})
    rendered.set(path, rendering)
  }
  return (path) => rendered.get(path) ?? render(path)
}
