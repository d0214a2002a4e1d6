import { createHmac } from 'node:crypto'
import type { Clock, Log, Random } from '@idp/kit'
import { base62 } from '../random-text.ts'
import { storageView, type Storage } from '../storage/storage.ts'
import { badRequest, VaultError } from '../vault-error.ts'
import type { Surroundings } from '../core/active.ts'

export interface AuditDevice {
  readonly path: string
  readonly type: string
  readonly description: string
  readonly options: Readonly<Record<string, string>>
  readonly local: boolean
  readonly salt: string
}

/** What is written down of a request or its answer; strings that may be secret are hashed per device. */
export interface AuditRecord {
  readonly type: 'request' | 'response'
  readonly time: number
  readonly auth: Readonly<Record<string, unknown>>
  readonly request: Readonly<Record<string, unknown>>
  readonly response?: Readonly<Record<string, unknown>>
  readonly error?: string
}

export interface AuditBroker {
  devices(): readonly AuditDevice[]
  enable(device: Omit<AuditDevice, 'salt'>): Promise<void>
  disable(path: string): void
  /** The hash that the device's log holds in place of a text. @throws VaultError 400 for an unknown device */
  hash(path: string, input: string): string
  /** @throws VaultError 500 when there are devices and none could be written: such a request is not served */
  write(record: AuditRecord): Promise<void>
}

/** Members whose strings stay readable, as upstream keeps them. */
const readable: ReadonlySet<string> = new Set(['id', 'operation', 'path', 'mount_type', 'mount_point', 'mount_accessor', 'remote_address', 'client_id', 'policies', 'token_policies', 'token_type', 'display_name', 'entity_id', 'namespace', 'policy_results', 'token_issue_time', 'time', 'type'])

export function createAuditBroker({ storage: whole, random, surroundings, log }: { readonly storage: Storage; readonly clock: Clock; readonly random: Random; readonly surroundings: Surroundings; readonly log: Log }): AuditBroker {
  const storage = storageView(whole, 'audit/')
  const devices = new Map<string, AuditDevice>(storage.keys('').flatMap((path) => {
    const device = storage.get<AuditDevice>(path)
    return device === undefined ? [] : [[path, device]]
  }))
  const hashed = (device: AuditDevice, text: string): string => `hmac-sha256:${createHmac('sha256', device.salt).update(text).digest('hex')}`
  function masked(device: AuditDevice, value: unknown, name = '', inData = false): unknown {
    if (typeof value === 'string') return value === '' || (!inData && readable.has(name)) ? value : hashed(device, value)
    if (Array.isArray(value)) return value.map((item) => masked(device, item, name, inData))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, masked(device, member, key, inData || key === 'data')]))
  }
  async function append(device: AuditDevice, record: AuditRecord): Promise<void> {
    const raw = device.options['log_raw'] === 'true'
    const part = (value: unknown): unknown => (raw ? value : masked(device, value))
    const line = { time: new Date(record.time).toISOString(), type: record.type, auth: part(record.auth), request: part(record.request), ...(record.response === undefined ? {} : { response: part(record.response) }), ...(record.error === undefined ? {} : { error: record.error }) }
    const file = device.options['file_path'] ?? device.options['path'] ?? ''
    if (file === 'discard') return
    await surroundings.append?.(file, `${device.options['prefix'] ?? ''}${JSON.stringify(line)}\n`)
  }
  return {
    devices: () => [...devices.values()],
    async enable(given) {
      if (devices.has(given.path)) throw badRequest('path already in use')
      if (given.type !== 'file') throw badRequest(`unknown backend type: ${JSON.stringify(given.type)}; this server writes audit logs of type "file"`)
      const file = given.options['file_path'] ?? given.options['path']
      if (file === undefined || file === '') throw badRequest('file_path is required')
      const device: AuditDevice = { ...given, salt: base62(random, 32) }
      try {
        if (file !== 'discard') await surroundings.append?.(file, '')
      } catch (error) {
        log.warn('an audit device cannot be written', { device: given.path, error })
        throw badRequest(`sanity check failed; unable to open ${JSON.stringify(file)} for writing`)
      }
      devices.set(given.path, device)
      storage.put(given.path, device)
    },
    disable(path) {
      devices.delete(path)
      storage.delete(path)
    },
    hash(path, input) {
      const device = devices.get(path)
      if (device === undefined) throw badRequest(`unknown audit backend ${JSON.stringify(path)}`)
      return hashed(device, input)
    },
    async write(record) {
      if (devices.size === 0) return
      const results = await Promise.allSettled([...devices.values()].map((device) => append(device, record)))
      for (const result of results) if (result.status === 'rejected') log.error('an audit device refused a record', { error: result.reason })
      if (results.every(({ status }) => status === 'rejected')) throw new VaultError(500, 'no audit backend succeeded in logging the request')
    },
  }
}
