import { CodedError } from '@idp/kit'

/** The parts of a dashboard's JSON model that the server looks at; the rest is for the browser. */
export interface Dashboard { readonly uid: string; readonly title: string; readonly tags?: readonly string[]; readonly panels?: readonly unknown[]; readonly [field: string]: unknown }

export interface StoredDashboard { readonly dashboard: Dashboard; readonly folder: string; /** From a ConfigMap: not to be saved over. */ readonly provisioned: boolean }

/** A uid made of a title, for dashboards that bring none. */
export function slugOf(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'dashboard'
}

/** Reads a dashboard as it stands in a ConfigMap or a save request. Throws CodedError `InvalidDashboard`. */
export function readDashboard(value: unknown, where: string): Dashboard {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new CodedError({ code: 'InvalidDashboard', message: 'a dashboard is a JSON object', where })
  const fields = value as Record<string, unknown>
  const title = typeof fields['title'] === 'string' ? fields['title'].trim() : ''
  if (title === '') throw new CodedError({ code: 'InvalidDashboard', message: 'Dashboard title cannot be empty', where })
  return { ...fields, title, uid: typeof fields['uid'] === 'string' && fields['uid'] !== '' ? fields['uid'] : slugOf(title) }
}

export interface DataSource { readonly uid: string; readonly name: string; readonly type: string; readonly url: string; readonly access: string; readonly isDefault: boolean; readonly jsonData: unknown }

/** The data sources of a provisioning file. Throws CodedError `InvalidDataSource`. */
export function readDataSources(value: unknown, where: string): DataSource[] {
  const list = (value as { datasources?: unknown } | null)?.datasources ?? []
  if (!Array.isArray(list)) throw new CodedError({ code: 'InvalidDataSource', message: 'datasources is not a list', where })
  return list.map((one: Record<string, unknown>) => {
    const name = String(one['name'] ?? '')
    if (name === '') throw new CodedError({ code: 'InvalidDataSource', message: 'a data source has no name', where })
    return { name, uid: String(one['uid'] ?? slugOf(name)), type: String(one['type'] ?? ''), url: String(one['url'] ?? '').replace(/\/$/, ''), access: String(one['access'] ?? 'proxy'), isDefault: one['isDefault'] === true, jsonData: one['jsonData'] ?? {} }
  })
}
