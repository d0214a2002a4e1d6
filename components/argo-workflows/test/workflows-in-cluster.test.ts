import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '@idp/api'
import { eventually } from '@idp/testkit'
import { WorkflowKind } from '../kinds/workflow.ts'
import { apply, finished, startWithWorkflows } from './workflow-cluster.ts'

test('a dag passes outputs on, by result and by file; an image without program ends honestly', async () => {
  await using cluster = await startWithWorkflows([], { workflow: { serviceAccount: { create: true } }, server: { authModes: ['server', 'client'] } })
  const { client } = cluster
  await apply(client, `
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: { name: build, namespace: default }
spec:
  entrypoint: main
  serviceAccountName: argo-workflow
  arguments: { parameters: [{ name: who, value: world }] }
  templates:
    - name: main
      dag:
        tasks:
          - { name: say, template: say, arguments: { parameters: [{ name: text, value: "hello {{workflow.parameters.who}}" }] } }
          - { name: write, template: write }
          - { name: again, dependencies: [say, write], template: say, arguments: { parameters: [{ name: text, value: "{{tasks.say.outputs.result}} and {{tasks.write.outputs.parameters.tag}}" }] } }
          - { name: unknown, depends: again.Succeeded, template: unknown }
    - name: say
      inputs: { parameters: [{ name: text }] }
      container: { image: argoproj/argosay:v2, args: [echo, "{{inputs.parameters.text}}"] }
    - name: write
      container: { image: argoproj/argosay:v2, args: [echo, v1.2, /tmp/out/tag] }
      outputs: { parameters: [{ name: tag, valueFrom: { path: /tmp/out/tag } }] }
    - name: unknown
      container: { image: example.test/nobody:1 }
`)
  const { status } = await finished(client, 'build')
  const nodes = Object.values(status?.nodes ?? {})
  assert.deepEqual([status?.phase, status?.progress, status?.message], ['Succeeded', '4/4', undefined])
  const by = (name: string) => nodes.find(({ displayName }) => displayName === name)
  assert.equal(by('again')?.outputs?.result, 'hello world and v1.2')
  assert.deepEqual(by('write')?.outputs?.parameters, [{ name: 'tag', value: 'v1.2' }])
  assert.match(by('unknown')?.outputs?.result ?? '', /simulated: no program stands in for example.test\/nobody:1/)
  await eventually(client, Pod, (pods) => pods.length === 4, { namespace: 'default', labelSelector: 'workflows.argoproj.io/workflow=build,workflows.argoproj.io/completed=true' })
  assert.equal((await client.get(WorkflowKind, 'build', { namespace: 'default' })).metadata.labels?.['workflows.argoproj.io/phase'], 'Succeeded')
  await theServer(cluster)
})

/** What the `argo` command does: submit a template, look, read logs, retry; each as the bearer of a token where there is one. */
async function theServer({ client, net }: Awaited<ReturnType<typeof startWithWorkflows>>): Promise<void> {
  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> => {
    const response = await net.fetch(`http://argo-workflows-server.cicd.svc.cluster.local:2746${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    return { status: response.status, text: await response.text() }
  }
  await apply(client, `
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: { name: fails, namespace: default }
spec:
  entrypoint: main
  arguments: { parameters: [{ name: code, value: "3" }] }
  templates:
    - name: main
      steps:
        - [{ name: first, template: echo }]
        - [{ name: second, template: exit }]
    - { name: echo, container: { image: argoproj/argosay:v2, args: [echo, first] } }
    - { name: exit, container: { image: argoproj/argosay:v2, args: [exit, "{{workflow.parameters.code}}"] } }
`)
  assert.match((await ask('GET', '/')).text, /Argo Workflows/)
  const made = await ask('POST', '/api/v1/workflows/default/submit', { resourceKind: 'WorkflowTemplate', resourceName: 'fails', submitOptions: { name: 'failing', parameters: ['code=7'] } })
  assert.equal(made.status, 200, made.text)
  const { status } = await finished(client, 'failing')
  assert.equal(status?.phase, 'Failed')
  assert.equal(Object.values(status?.nodes ?? {}).find(({ displayName }) => displayName === 'second')?.message, 'main: Error (exit code 7)')
  assert.match((await ask('GET', '/api/v1/workflows/default/failing/log?logOptions.container=main')).text, /"content":"first"/)
  assert.equal((await ask('PUT', '/api/v1/workflows/default/failing/retry', {})).status, 200)
  const again = await finished(client, 'failing')
  const ends = (nodes = again.status?.nodes ?? {}) => Object.values(nodes).find(({ displayName }) => displayName === 'first')?.finishedAt
  assert.deepEqual([again.status?.phase, ends()], ['Failed', ends(status?.nodes)])
  assert.match((await ask('GET', '/api/v1/workflows/default/nobody')).text, /"code":5/)
  assert.equal((await ask('GET', '/api/v1/workflows/default', undefined, { authorization: 'Bearer nonsense' })).status, 401)
}
