import type { AnyObject } from '@idp/formats'
import type { Check } from '../check.ts'
import { applyScratch, at, eventually, get, realPods, text, type Ref } from '../live.ts'

const patience = 30_000

/**
 * `Argo Workflows -> SonarQube`: a Workflow submits an analysis under the administrator's account, then reads its quality gate.
 * The analysis is in the generic form that the stand-in takes; a scanner's report it refuses. The project goes again at the end.
 */
const workflowAnalyses: Check = async (context, { namespace, url }) => {
  const place = text(namespace)
  await realPods(context, place, 'argo-workflows-workflow-controller-')
  await realPods(context, place, 'sonarqube-')
  const password = Buffer.from(text(at(await get(context.client, { apiVersion: 'v1', kind: 'Secret', name: 'sonarqube-admin-credentials', namespace: place }), 'data', 'password')), 'base64').toString()
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  const metadata = { name: context.scratch, namespace: place }
  await applyScratch(context, { apiVersion: 'v1', kind: 'Secret', metadata, data: { authorization: Buffer.from(authorization).toString('base64') } } as unknown as AnyObject)
  const headers = [{ name: 'content-type', value: 'application/json' }, { name: 'authorization', valueFrom: { secretKeyRef: { name: context.scratch, key: 'authorization' } } }]
  const ask = (name: string, method: string, path: string, body?: object) => ({ name, http: { url: `${text(url)}${path}`, method, headers, timeoutSeconds: 10, ...(body === undefined ? {} : { body: JSON.stringify(body) }) } })
  const ref: Ref = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', ...metadata }
  await applyScratch(context, {
    apiVersion: ref.apiVersion, kind: ref.kind, metadata,
    spec: {
      entrypoint: 'main', onExit: 'forget',
      templates: [
        { name: 'main', steps: [[{ name: 'analyse', template: 'analyse' }], [{ name: 'gate', template: 'gate' }]] },
        ask('analyse', 'POST', '/api/idp/analyses', { projectKey: context.scratch, projectVersion: '1', measures: { ncloc: 100 } }),
        ask('gate', 'GET', `/api/qualitygates/project_status?projectKey=${context.scratch}`),
        ask('forget', 'POST', `/api/projects/delete?project=${context.scratch}`),
      ],
    },
  } as unknown as AnyObject)
  const over = await eventually(context, ref, (object) => ['Succeeded', 'Failed', 'Error'].includes(text(at(object, 'status', 'phase'))), 'to be over', patience)
  const nodes = Object.values((at(over, 'status', 'nodes') ?? {}) as Record<string, object>)
  const node = (name: string) => nodes.find((one) => at(one, 'displayName') === name)
  if (at(over, 'status', 'phase') !== 'Succeeded') throw new Error(`Workflow ${place}/${ref.name} is ${text(at(over, 'status', 'phase'))}: ${['analyse', 'gate'].map((name) => text(at(node(name), 'message'))).join(' ')}`)
  const verdict = /"status":\s*"(\w+)"/.exec(text(at(node('gate'), 'outputs', 'result')))?.[1]
  if (verdict === undefined || verdict === 'NONE') throw new Error(`SonarQube has no quality gate for project ${context.scratch}: ${text(at(node('gate'), 'outputs', 'result')).slice(0, 200)}`)
  return `Workflow ${place}/${ref.name} submitted an analysis of project ${context.scratch} and read its quality gate: ${verdict}`
}

export const pipelineChecks = { 'workflow-analyses': workflowAnalyses } satisfies Record<string, Check>
