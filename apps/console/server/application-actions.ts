import type { Client } from '@idp/client'
import type { JsonObject } from '@idp/formats'

/** What a browser may ask of an Application: what Argo CD's own annotation and operation field do. */
export const applicationActions: Readonly<Record<string, JsonObject>> = {
  'refresh': { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'normal' } } },
  'hard-refresh': { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'hard' } } },
}

/** Asks for it. Throws ApiError. */
export async function actOn(client: Client, namespace: string, name: string, action: string): Promise<void> {
  const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
  const patch = applicationActions[action] ?? await syncOf(client, namespace, name)
  await client.patch(kind, name, patch, { namespace, type: 'merge', fieldManager: 'idp-console' })
}

/** A sync to what the Application follows, with its own options and never with more pruning than it allows itself. */
async function syncOf(client: Client, namespace: string, name: string): Promise<JsonObject> {
  const app = await client.get(await client.kindOf('argoproj.io/v1alpha1', 'Application'), name, { namespace }) as { spec?: { syncPolicy?: { syncOptions?: string[]; automated?: { prune?: boolean } } } }
  const { syncOptions = [], automated } = app.spec?.syncPolicy ?? {}
  return { operation: { initiatedBy: { username: 'idp console' }, sync: { prune: automated?.prune === true, ...(syncOptions.length === 0 ? {} : { syncOptions }) } } }
}
