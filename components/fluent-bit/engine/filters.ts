import { CodedError } from '@idp/kit'
import { RE2JS } from 're2js'
import { checkKeys, isOn, matchTag, type Section } from './config.ts'
import { access, type FluentRecord } from './record.ts'

/** What is known of a pod, by namespace and name. */
export interface PodFacts { readonly uid: string; readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>>; readonly host: string; readonly images: Readonly<Record<string, string>> }

export interface FilterContext { readonly pod: (namespace: string, name: string) => PodFacts | undefined }

/** Changes a record; false drops it. */
export interface Filter { readonly matches: (tag: string) => boolean; readonly apply: (record: FluentRecord, tag: string) => boolean }

/** Throws CodedError `InvalidConfig`; filters that are not supported are refused by name. */
export function createFilter(section: Section, file: string, context: FilterContext): Filter {
  const matches = matchTag(section.get('match') ?? '*')
  const name = section.get('name') ?? ''
  switch (name) {
    case 'kubernetes': return { matches, apply: kubernetes(section, file, context) }
    case 'grep': return { matches, apply: grep(section, file) }
    case 'modify': return { matches, apply: modify(section, file) }
    case 'record_modifier': return { matches, apply: recordModifier(section, file) }
    case 'nest': return { matches, apply: nest(section, file) }
    default: throw new CodedError({ code: 'InvalidConfig', message: `filter ${JSON.stringify(name)} is not supported by the stand-in`, where: `${file}:${section.line}` })
  }
}

/** `POD_NAMESPACE_CONTAINER-ID.log`: what follows the prefix of a tag. */
const tagShape = /^([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)_([^_]+)_(.+)-([0-9a-z]+)\.log$/

const kubernetesKeys = ['name', 'match', 'kube_url', 'kube_ca_file', 'kube_token_file', 'kube_tag_prefix', 'merge_log', 'merge_log_key', 'merge_log_trim', 'keep_log', 'k8s-logging.parser', 'k8s-logging.exclude', 'labels', 'annotations', 'buffer_size', 'use_kubelet', 'kube_meta_cache_ttl']

function kubernetes(section: Section, file: string, { pod }: FilterContext): Filter['apply'] {
  checkKeys(section, kubernetesKeys, file)
  const merge = isOn(section.get('merge_log'), false)
  const keep = isOn(section.get('keep_log'), true)
  const under = section.get('merge_log_key')
  const [withLabels, withAnnotations, exclude] = [isOn(section.get('labels'), true), isOn(section.get('annotations'), true), isOn(section.get('k8s-logging.exclude'), false)]
  const prefix = section.get('kube_tag_prefix') ?? 'kube.var.log.containers.'
  return (record, tag) => {
    const [, name, namespace, container] = tagShape.exec(tag.startsWith(prefix) ? tag.slice(prefix.length) : tag) ?? []
    if (name === undefined || namespace === undefined || container === undefined) return true
    const facts = pod(namespace, name)
    if (exclude && facts?.annotations['fluentbit.io/exclude'] === 'true') return false
    const log = record.fields['log']
    const parsed = merge && typeof log === 'string' && log.trimStart().startsWith('{') ? parseObject(log) : undefined
    if (parsed !== undefined) {
      if (!keep) delete record.fields['log']
      if (under === undefined) Object.assign(record.fields, parsed)
      else record.fields[under] = parsed
    }
    record.fields['kubernetes'] = {
      pod_name: name, namespace_name: namespace, container_name: container,
      ...(facts === undefined ? {} : { pod_id: facts.uid, host: facts.host, ...(facts.images[container] === undefined ? {} : { container_image: facts.images[container] }), ...(withLabels && Object.keys(facts.labels).length > 0 ? { labels: facts.labels } : {}), ...(withAnnotations && Object.keys(facts.annotations).length > 0 ? { annotations: facts.annotations } : {}) }),
    }
    return true
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    // A line that looks like JSON and is none stays text.
    return undefined
  }
}

function grep(section: Section, file: string): Filter['apply'] {
  checkKeys(section, ['name', 'match', 'regex', 'exclude', 'logical_op'], file)
  const rule = (text: string): ((record: FluentRecord) => boolean) => {
    const [key = '', ...rest] = text.split(/\s+/)
    const pattern = RE2JS.compile(rest.join(' '))
    return ({ fields }) => { const value = access(fields, key); return value !== undefined && pattern.test(String(value)) }
  }
  const [wanted, unwanted] = [section.all('regex').map(rule), section.all('exclude').map(rule)]
  const any = (section.get('logical_op') ?? 'legacy').toLowerCase() === 'or'
  return (record) => {
    if (unwanted.some((test) => test(record))) return false
    return wanted.length === 0 || (any ? wanted.some((test) => test(record)) : wanted.every((test) => test(record)))
  }
}

type Change = (fields: Record<string, unknown>) => void

function modify(section: Section, file: string): Filter['apply'] {
  const changes: Readonly<Record<string, (words: readonly string[]) => Change>> = {
    set: ([key = '', ...rest]) => (fields) => { fields[key] = rest.join(' ') },
    add: ([key = '', ...rest]) => (fields) => { fields[key] ??= rest.join(' ') },
    remove: ([key = '']) => (fields) => { delete fields[key] },
    rename: ([from = '', to = '']) => (fields) => { if (from in fields && !(to in fields)) { fields[to] = fields[from]; delete fields[from] } },
    hard_rename: ([from = '', to = '']) => (fields) => { if (from in fields) { fields[to] = fields[from]; delete fields[from] } },
    copy: ([from = '', to = '']) => (fields) => { if (from in fields) fields[to] ??= fields[from] },
  }
  checkKeys(section, ['name', 'match', ...Object.keys(changes)], file)
  const steps = Object.entries(changes).flatMap(([key, make]) => section.all(key).map((text) => make(text.split(/\s+/))))
  return ({ fields }) => { for (const step of steps) step(fields); return true }
}

function recordModifier(section: Section, file: string): Filter['apply'] {
  checkKeys(section, ['name', 'match', 'record', 'remove_key', 'allowlist_key', 'whitelist_key'], file)
  const records = section.all('record').map((text) => text.split(/\s+/))
  const allowed = [...section.all('allowlist_key'), ...section.all('whitelist_key')]
  return (record) => {
    if (allowed.length > 0) record.fields = Object.fromEntries(Object.entries(record.fields).filter(([key]) => allowed.includes(key)))
    for (const key of section.all('remove_key')) delete record.fields[key]
    for (const [key = '', ...rest] of records) record.fields[key] = rest.join(' ')
    return true
  }
}

function nest(section: Section, file: string): Filter['apply'] {
  checkKeys(section, ['name', 'match', 'operation', 'nested_under', 'nest_under', 'wildcard', 'add_prefix', 'remove_prefix'], file)
  const [prefix, removed] = [section.get('add_prefix') ?? '', section.get('remove_prefix') ?? '']
  const named = (key: string): string => prefix + (removed !== '' && key.startsWith(removed) ? key.slice(removed.length) : key)
  if ((section.get('operation') ?? '').toLowerCase() === 'lift') {
    const from = section.get('nested_under') ?? ''
    return (record) => {
      const inner = record.fields[from]
      if (inner === null || typeof inner !== 'object') return true
      delete record.fields[from]
      for (const [key, value] of Object.entries(inner)) record.fields[named(key)] = value
      return true
    }
  }
  const [tests, under] = [section.all('wildcard').map(matchTag), section.get('nest_under') ?? '']
  return (record) => {
    const taken = Object.entries(record.fields).filter(([key]) => tests.some((test) => test(key)))
    if (taken.length === 0) return true
    for (const [key] of taken) delete record.fields[key]
    record.fields[under] = Object.fromEntries(taken.map(([key, value]) => [named(key), value]))
    return true
  }
}
