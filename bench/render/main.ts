import { run as runHelm } from './helm.ts'
import { run as runKustomize } from './kustomize.ts'

/** Both renderers against the real programs. Arguments go to the Helm half: `--chart DIR` again and again. */
export async function run(args: readonly string[]) {
  const helm = await runHelm(args)
  const kustomize = await runKustomize()
  return { bench: 'render', results: [...helm.results, ...kustomize] }
}
