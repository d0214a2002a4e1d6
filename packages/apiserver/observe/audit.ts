import { rfc3339Micro, uuid, type Random } from '@idp/kit'
import { requestTarget } from '../request-target.ts'
import type { User } from '../server-context.ts'
import type { RequestRecord } from './request-record.ts'

/** An `audit.k8s.io/v1` Event at level Metadata: who did what to which object when, without its content. */
export interface AuditEvent { readonly kind: 'Event'; readonly apiVersion: 'audit.k8s.io/v1'; readonly [field: string]: unknown }

/** Takes each event as it happens; must not throw and must not wait. */
export type AuditSink = (event: AuditEvent) => void

/** Reads that say nothing about who changed what; left out, as cluster operators' policies do. */
const quiet = new Set(['get', 'list', 'watch'])

/** The event for a finished request; undefined for health checks, discovery, and reads of anything but Secrets. */
export function auditEvent(record: RequestRecord, code: number, now: number, random: Random): AuditEvent | undefined {
  const { info, request } = record
  if (info === undefined || !info.isResource) return undefined
  if (quiet.has(info.verb) && info.resource !== 'secrets' && code < 400) return undefined
  const { group, version, resource, subresource, namespace, name } = info
  const target = requestTarget(request.url)
  return {
    kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', auditID: uuid(random), stage: 'ResponseComplete', requestURI: target.pathname + target.search, verb: info.verb,
    user: userInfo(record.realUser ?? record.user), ...(record.realUser === undefined ? {} : { impersonatedUser: userInfo(record.user) }),
    sourceIPs: [record.sourceAddress], userAgent: request.headers.get('user-agent') ?? '',
    objectRef: {
      resource, ...(namespace === '' ? {} : { namespace }), ...(name === '' ? {} : { name }), ...(group === '' ? {} : { apiGroup: group }), apiVersion: version, ...(subresource === '' ? {} : { subresource }),
    },
    responseStatus: { metadata: {}, code }, requestReceivedTimestamp: rfc3339Micro(record.received), stageTimestamp: rfc3339Micro(now),
    ...(record.annotations.size === 0 ? {} : { annotations: Object.fromEntries(record.annotations) }),
  }
}

function userInfo(user: User | undefined): object {
  return { username: user?.name ?? 'system:anonymous', ...(user?.uid === undefined ? {} : { uid: user.uid }), groups: user?.groups ?? [], ...(user?.extra === undefined ? {} : { extra: user.extra }) }
}
