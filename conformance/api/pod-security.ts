import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isApiError, Namespace, Pod, ServiceAccount } from '@idp/api'
import { startTestApi } from '@idp/apiserver'
import { parseYaml } from '@idp/formats'
import type { SuiteResult } from '../main.ts'

/** Each pod is posted, dry, to a namespace that enforces its level and version: 201 for `pass`, 403 for `fail`. */
export async function runPodSecurity(directory: string): Promise<SuiteResult> {
  await using api = await startTestApi({ builtInAdmission: true })
  const failures: { name: string; reason: string }[] = []
  const files = globSync('*/v*/{pass,fail}/*.yaml', { cwd: directory }).sort()
  const namespaces = new Set<string>()
  for (const file of files) {
    const [level = '', version = '', verdict = ''] = file.split('/')
    const namespace = `${level}-${version.replace('.', '-')}`
    if (!namespaces.has(namespace)) {
      namespaces.add(namespace)
      await api.client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': level, 'pod-security.kubernetes.io/enforce-version': version } } })
      await api.client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } })
    }
    const pod = parseYaml(readFileSync(join(directory, file), 'utf8')) as unknown as Pod
    // Some of the names are none that a server accepts.
    const name = pod.metadata.name?.replaceAll('_', '-') ?? ''
    const reason = await refusal(() => api.client.create(Pod, { ...pod, metadata: { ...pod.metadata, name, namespace } }, { dryRun: true }))
    const right = verdict === 'pass' ? reason === undefined : reason?.includes('violates PodSecurity') === true
    if (!right) failures.push({ name: file, reason: reason ?? 'was let pass' })
  }
  return { suite: 'api pod-security', passed: files.length - failures.length, total: files.length, failures }
}

async function refusal(write: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await write()
    return undefined
  } catch (error) {
    if (isApiError(error)) return `${error.code}: ${error.message}`
    throw error
  }
}
