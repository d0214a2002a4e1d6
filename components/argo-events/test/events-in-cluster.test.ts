import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFile } from 'node:fs/promises'
import { Deployment, Namespace, StatefulSet, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { eventually, eventuallyOne, startTestCluster } from '@idp/testkit'
import { SensorKind, EventSourceKind } from '../kinds/events.ts'

async function install(client: Client, component: string, files: readonly string[], namespace: string, values = {}): Promise<void> {
  const chart = new URL(`../../${component}/chart/`, import.meta.url)
  const content: Record<string, Uint8Array> = {}
  for (const name of ['Chart.yaml', 'values.yaml', 'templates/_helpers.tpl', 'templates/crds.yaml', ...files]) content[name] = await readFile(new URL(name, chart))
  const { documents } = await renderHelm(memoryFiles(content), { releaseName: component, namespace, values: [values] })
  await client.apply(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager: 'test' })
  const objects = documents.map(({ object }) => object as AnyObject).sort((a, b) => Number(b.kind === 'CustomResourceDefinition') - Number(a.kind === 'CustomResourceDefinition'))
  for (const object of objects) await client.apply(await client.kindOf(object.apiVersion, object.kind) as Kind<AnyObject>, object, { fieldManager: 'test', force: true })
}

const pipeline = `
apiVersion: argoproj.io/v1alpha1
kind: EventBus
metadata: { name: default, namespace: argo-events }
spec: { jetstream: { version: latest } }
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: push, namespace: argo-events }
spec:
  service: { ports: [{ port: 12000, targetPort: 12000 }] }
  webhook: { repository: { port: "12000", endpoint: /push, method: POST } }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: build, namespace: argo-events }
spec:
  template: { serviceAccountName: builder }
  dependencies:
    - { name: pushed, eventSourceName: push, eventName: repository, filters: { data: [{ path: body.ref, type: string, value: [refs/heads/main] }] } }
  triggers:
    - template:
        name: workflow
        argoWorkflow:
          operation: submit
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: { generateName: build- }
              spec:
                entrypoint: main
                arguments: { parameters: [{ name: commit, value: none }] }
                templates:
                  - name: main
                    dag: { tasks: [{ name: test, template: say, arguments: { parameters: [{ name: what, value: test }] } }, { name: package, dependencies: [test], template: say, arguments: { parameters: [{ name: what, value: "{{tasks.test.outputs.result}}, then package" }] } }] }
                  - name: say
                    inputs: { parameters: [{ name: what }] }
                    container: { image: argoproj/argosay:v2, args: [echo, "{{inputs.parameters.what}} {{workflow.parameters.commit}}"] }
          parameters: [{ src: { dependencyName: pushed, dataKey: body.after }, dest: spec.arguments.parameters.0.value }]
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: builder, namespace: argo-events }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: builder, namespace: argo-events }
rules: [{ apiGroups: [argoproj.io], resources: [workflows], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: builder, namespace: argo-events }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: builder }
subjects: [{ kind: ServiceAccount, name: builder, namespace: argo-events }]
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: queue, namespace: argo-events }
spec: { kafka: { a: { url: x } } }
`

test('a webhook, a sensor, a workflow with a dag of two steps', async () => {
  await using cluster = await startTestCluster({ components: ['argo-events', 'argo-workflows'] })
  const { client, net } = cluster
  await install(client, 'argo-events', ['templates/controller-manager.yaml'], 'argo-events')
  await install(client, 'argo-workflows', ['templates/controller.yaml', 'templates/config.yaml'], 'cicd')
  const ready = (name: string, namespace: string) => eventuallyOne(client, Deployment, name, (one) => one?.status?.availableReplicas === 1, { namespace, timeoutMs: 60_000 })
  await Promise.all([ready('argo-events-controller-manager', 'argo-events'), ready('argo-workflows-workflow-controller', 'cicd')])
  for (const { value } of parseYamlDocuments(pipeline)) {
    const object = value as unknown as AnyObject
    await client.apply(await client.kindOf(object.apiVersion, object.kind) as Kind<AnyObject>, object, { fieldManager: 'test', force: true })
  }
  await eventuallyOne(client, StatefulSet, 'eventbus-default-js', (one) => one?.status?.readyReplicas === 1, { namespace: 'argo-events', timeoutMs: 60_000 })
  await eventually(client, Deployment, (all) => all.length === 2 && all.every(({ status }) => status?.availableReplicas === 1), { namespace: 'argo-events', labelSelector: 'controller in (eventsource-controller,sensor-controller)', timeoutMs: 60_000 })
  await eventuallyOne(client, SensorKind, 'build', (one) => one?.status?.conditions?.length === 3 && one.status.conditions.every(({ status }) => status === 'True'), { namespace: 'argo-events' })
  const refused = await eventuallyOne(client, EventSourceKind, 'queue', (one) => one?.status?.conditions !== undefined, { namespace: 'argo-events' })
  assert.match(refused?.status?.conditions?.[0]?.message ?? '', /event source type kafka is not supported here/)

  const push = async (ref: string, after: string): Promise<string> => (await net.fetch('http://push-eventsource-svc.argo-events.svc.cluster.local:12000/push', { method: 'POST', body: JSON.stringify({ ref, after }) })).text()
  assert.equal(await push('refs/heads/other', 'not-this'), 'success')
  assert.equal(await push('refs/heads/main', 'c0ffee'), 'success')
  const workflows = await client.kindOf('argoproj.io/v1alpha1', 'Workflow') as Kind<AnyObject>
  const [workflow] = await eventually(client, workflows, ([one]) => ['Succeeded', 'Failed', 'Error'].includes((one?.['status'] as { phase?: string } | undefined)?.phase ?? ''), { namespace: 'argo-events', timeoutMs: 60_000 })
  const status = workflow?.['status'] as { phase: string; progress: string; nodes: Record<string, { displayName: string; inputs?: { parameters: { value: string }[] } }> }
  assert.deepEqual([status.phase, status.progress], ['Succeeded', '2/2'])
  assert.equal(Object.values(status.nodes).find(({ displayName }) => displayName === 'package')?.inputs?.parameters[0]?.value, 'test c0ffee, then package')
  assert.equal((await client.list(workflows, { namespace: 'argo-events' })).items.length, 1)
})
