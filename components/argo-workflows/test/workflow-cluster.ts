import { readFile } from 'node:fs/promises'
import { Deployment, Namespace, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { Cluster } from '@idp/host'
import { parseYamlDocuments, type AnyObject, type JsonObject } from '@idp/formats'
import { memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { eventuallyOne, startTestCluster } from '@idp/testkit'
import { WorkflowKind, type Workflow } from '../kinds/workflow.ts'

const templates = ['crds', 'controller', 'server', 'rbac', 'config', '_helpers']

export async function apply(client: Client, yaml: string): Promise<void> {
  for (const { value } of parseYamlDocuments(yaml)) if (value !== null) await applyObject(client, value as unknown as AnyObject)
}

async function applyObject(client: Client, object: AnyObject): Promise<void> {
  await client.apply(await client.kindOf(object.apiVersion, object.kind) as Kind<AnyObject>, object, { fieldManager: 'test', force: true })
}

/** A chart of a component, rendered and applied; definitions first. */
export async function install(client: Client, chart: URL, files: readonly string[], release: string, namespace: string, values: JsonObject = {}): Promise<void> {
  const content: Record<string, Uint8Array> = {}
  for (const name of ['Chart.yaml', 'values.yaml', ...files]) content[name] = await readFile(new URL(name, chart))
  const { documents } = await renderHelm(memoryFiles(content), { releaseName: release, namespace, values: [values] })
  const objects = documents.map(({ object }) => object as AnyObject).sort((a, b) => Number(b.kind === 'CustomResourceDefinition') - Number(a.kind === 'CustomResourceDefinition'))
  await client.apply(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager: 'test' })
  for (const object of objects) await applyObject(client, object)
}

/** A cluster with Argo Workflows installed by its chart in `cicd`, ready. */
export async function startWithWorkflows(components: readonly string[] = [], values: JsonObject = {}): Promise<Cluster> {
  const cluster = await startTestCluster({ components: ['argo-workflows', ...components] })
  await install(cluster.client, new URL('../chart/', import.meta.url), templates.map((name) => `templates/${name}.${name === '_helpers' ? 'tpl' : 'yaml'}`), 'argo-workflows', 'cicd', values)
  for (const name of ['argo-workflows-workflow-controller', 'argo-workflows-server']) await eventuallyOne(cluster.client, Deployment, name, (one) => one?.status?.availableReplicas === 1, { namespace: 'cicd', timeoutMs: 60_000 })
  return cluster
}

/** The workflow when it is over. */
export async function finished(client: Client, name: string, namespace = 'default'): Promise<Workflow> {
  const over = await eventuallyOne(client, WorkflowKind, name, (one) => ['Succeeded', 'Failed', 'Error'].includes(one?.status?.phase ?? ''), { namespace, timeoutMs: 60_000 })
  if (over === undefined) throw new Error(`there is no workflow ${name}`)
  return over
}
