import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded, memoryFiles } from '@idp/kit'
import { createRenderCache, formatResources, renderKustomize } from './index.ts'

const kinds = ['ConfigMap', 'Service', 'Deployment', 'Namespace']

/** Changes a small platform at random: objects, fields of kustomizations, files that come and go. */
class Editor {
  private state: number
  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0 || 1
  }

  private below(n: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return Math.floor(((this.state >>> 0) / 2 ** 32) * n)
  }

  /** Answers the paths that changed. */
  edit(files: Record<string, string>): string[] {
    const app = `app-${this.below(5)}`
    switch (this.below(6)) {
      case 0: files[`${app}/kustomization.yaml`] = `resources: [a.yaml${this.below(2) === 0 ? ', b.yaml' : ''}]\nnamePrefix: p${this.below(3)}-\n`; return [`${app}/kustomization.yaml`]
      case 1: if (`${app}/b.yaml` in files) delete files[`${app}/b.yaml`]; else files[`${app}/b.yaml`] = this.object(app); return [`${app}/b.yaml`]
      case 2: files['overlay/kustomization.yaml'] = overlay(this.below(3)); return ['overlay/kustomization.yaml']
      default: files[`${app}/a.yaml`] = this.object(app); return [`${app}/a.yaml`]
    }
  }

  private object(app: string): string {
    return `apiVersion: ${['v1', 'apps/v1'][this.below(2)]}\nkind: ${kinds[this.below(kinds.length)]}\nmetadata: {name: ${app}-${this.below(3)}}\ndata: {n: "${this.below(50)}"}\n`
  }
}

function overlay(n: number): string {
  return `resources: [${[0, 1, 2, 3, 4].map((i) => `../app-${i}`).join(', ')}]\nnamespace: ns-${n}\ncommonAnnotations: {team: t${n}}\n`
}

async function outcome(build: () => ReturnType<typeof renderKustomize>): Promise<string> {
  try {
    return formatResources(await build())
  } catch (error) {
    if (isCoded(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

test('building again after random edits gives what building anew gives, told what changed or not', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const editor = new Editor(seed)
    const files: Record<string, string> = { 'overlay/kustomization.yaml': overlay(0) }
    for (let i = 0; i < 5; i++) Object.assign(files, { [`app-${i}/kustomization.yaml`]: 'resources: [a.yaml]\n', [`app-${i}/a.yaml`]: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-${i}}\n` })
    const [told, untold, mixed] = [createRenderCache(), createRenderCache(), createRenderCache()]
    let pending: string[] = []
    for (let step = 0; step < 40; step++) {
      const changed = step === 0 ? [] : editor.edit(files)
      const want = await outcome(() => renderKustomize(memoryFiles(files), 'overlay'))
      const where = `seed ${seed}, step ${step}: ${changed.join(',')}`
      assert.equal(await outcome(() => renderKustomize(memoryFiles(files), 'overlay', { cache: told, changed })), want, where)
      assert.equal(await outcome(() => renderKustomize(memoryFiles(files), 'overlay', { cache: untold })), want, where)
      // Builds of other parts, and builds that are not told, in between.
      pending.push(...changed)
      if (step % 3 === 0) {
        await outcome(() => renderKustomize(memoryFiles(files), 'app-1', { cache: mixed, changed: pending }))
        pending = []
      }
      assert.equal(await outcome(() => renderKustomize(memoryFiles(files), 'overlay', step % 5 === 0 ? { cache: mixed } : { cache: mixed, changed: pending })), want, where)
      pending = []
    }
  }
})
