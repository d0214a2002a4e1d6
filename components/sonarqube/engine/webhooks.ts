import { createHmac } from 'node:crypto'
import { messageOf } from '@idp/kit'
import { dateTime, type Server } from './api/route.ts'
import type { GateStatus } from './quality-gate.ts'
import { gateOf } from './analyse.ts'
import type { Analysis, Project, Task } from './state.ts'

/** Tells every webhook of the server and of the project about an analysis. What went wrong is kept as its last delivery, and logged. */
export async function callWebhooks(server: Server, project: Project, { task, analysis, gate }: { readonly task: Task; readonly analysis: Analysis; readonly gate: GateStatus }): Promise<void> {
  const body = JSON.stringify({
    serverUrl: '', taskId: task.id, status: task.status, analysedAt: dateTime(analysis.date), ...(analysis.revision === undefined ? {} : { revision: analysis.revision }),
    project: { key: project.key, name: project.name }, properties: {},
    qualityGate: { name: gateOf(server.state, project).name, status: gate.status, conditions: gate.conditions.map(({ metricKey, comparator, errorThreshold, actualValue, status }) => ({ metric: metricKey, operator: comparator === 'GT' ? 'GREATER_THAN' : 'LESS_THAN', value: actualValue, status, errorThreshold })) },
  })
  for (const hook of server.state.webhooks.filter((one) => one.project === undefined || one.project === project.key)) {
    const headers = { 'content-type': 'application/json', 'x-sonarqube-project': project.key, ...(hook.secret === undefined ? {} : { 'x-sonar-webhook-hmac-sha256': createHmac('sha256', hook.secret).update(body).digest('hex') }) }
    try {
      const { ok, status } = await server.fetch(hook.url, { method: 'POST', headers, body })
      hook.latest = { at: server.now(), success: ok, httpStatus: status }
    } catch (error) {
      hook.latest = { at: server.now(), success: false, httpStatus: 0 }
      server.log.warn('a webhook could not be called', { name: hook.name, error: messageOf(error) })
    }
  }
  await server.save()
}
