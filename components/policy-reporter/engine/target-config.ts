import { parseYaml, type Json, type JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { TargetFilter } from './target-filter.ts'

export type TargetType = 'webhook' | 'loki' | 'slack'
const types: readonly TargetType[] = ['webhook', 'loki', 'slack']

/** Where results are sent, and which. */
export interface Target extends TargetFilter {
  readonly name: string
  readonly type: TargetType
  /** Webhook and Slack: the URL; Loki: the server. */
  readonly url: string
  /** Loki: below the server. */
  readonly path: string
  readonly channel: string
  readonly headers: Readonly<Record<string, string>>
  readonly customFields: Readonly<Record<string, string>>
  readonly username: string
  readonly password: string
  readonly skipExistingOnStartup: boolean
  readonly skipTLS: boolean
  /** A Secret of the reporter's namespace whose keys (`webhook`, `host`, `username`, `password`, `channel`) take the place of what is written here. */
  readonly secretRef: string
}

/**
 * Reads `target:` of Policy Reporter's configuration: each type with its own settings and those of its `channels`, which inherit what they do not say.
 * Throws CodedError `InvalidConfig` for targets of types that are not sent to.
 */
export function readTargets(text: string, where: string): Target[] {
  const config = (parseYaml(text, { source: where }) ?? {}) as { target?: JsonObject }
  const targets: Target[] = []
  for (const [type, value] of Object.entries(config.target ?? {})) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    const made = [value, ...((value['channels'] ?? []) as JsonObject[]).map((channel): JsonObject => ({ ...value, ...channel, config: { ...object(value['config']), ...object(channel['config']) } }))]
      .map((one, index) => target(type as TargetType, one, index)).filter(({ url, secretRef }) => url !== '' || secretRef !== '')
    if (made.length > 0 && !types.includes(type as TargetType)) throw new CodedError({ code: 'InvalidConfig', message: `target.${type} is not supported; there are ${types.join(', ')}`, where })
    targets.push(...made)
  }
  return targets
}

const object = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {})

function target(type: TargetType, given: JsonObject, index: number): Target {
  const settings = { ...given, ...object(given['config']) }
  const text = (key: string): string => (typeof settings[key] === 'string' ? settings[key] : '')
  const map = (key: string): Record<string, string> => Object.fromEntries(Object.entries(object(settings[key])).map(([name, value]) => [name, String(value)]))
  const list = settings['sources']
  return {
    name: text('name') === '' ? (index === 0 ? type : `${type}-${index}`) : text('name'), type, url: text('webhook') === '' ? text('host') : text('webhook'), path: text('path'), channel: text('channel'),
    headers: map('headers'), customFields: { ...map('customLabels'), ...map('customFields') }, username: text('username'), password: text('password'),
    skipExistingOnStartup: settings['skipExistingOnStartup'] !== false, skipTLS: settings['skipTLS'] === true, secretRef: text('secretRef'),
    minimumSeverity: text('minimumSeverity'), sources: Array.isArray(list) ? list.map(String) : [], filter: object(settings['filter']) as NonNullable<TargetFilter['filter']>,
  }
}

/** The target with what its Secret says. */
export function withSecret(target: Target, data: Readonly<Record<string, string>>): Target {
  const { webhook, host, username, password, channel } = data
  return { ...target, url: webhook ?? host ?? target.url, username: username ?? target.username, password: password ?? target.password, channel: channel ?? target.channel }
}
