import { spawnSync } from 'node:child_process'

export interface RealResult { readonly ok: boolean; readonly out: string; readonly error: string }

export const releaseName = 'test'
export const namespace = 'test-ns'
export const kubeVersion = 'v1.33.4'

/** Runs `helm template` as a whole process. */
export function realTemplate(helm: string, chart: string, valuesFile: string | undefined, extra: readonly string[] = []): RealResult {
  const args = ['template', releaseName, chart, '--namespace', namespace, '--kube-version', kubeVersion, '--include-crds', ...extra]
  if (valuesFile !== undefined) args.push('--values', valuesFile)
  const result = spawnSync(helm, args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, timeout: 120_000 })
  return { ok: result.status === 0, out: result.stdout, error: result.stderr }
}
