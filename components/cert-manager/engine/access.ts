import type { Client } from '@idp/client'

/** Who asks: as an admission review or a signing request names the user. */
export interface Subject { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[]; readonly extra?: unknown }

interface Attributes { readonly group: string; readonly resource: string; readonly verb: string; readonly name: string; readonly namespace?: string }

/** Whether RBAC lets a user do something: one SubjectAccessReview. */
async function allows(client: Client, { username = '', uid, groups = [], extra }: Subject, attributes: Attributes): Promise<boolean> {
  const response = await client.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user: username, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }), resourceAttributes: { version: '*', ...attributes } } }),
  })
  return ((await response.json()) as { status?: { allowed?: boolean } }).status?.allowed === true
}

/** Verb `reference` on the signer of an Issuer, by its name or `*`. */
export async function mayReference(client: Client, user: Subject, { name, namespace }: { readonly name: string; readonly namespace: string }): Promise<boolean> {
  for (const each of [name, '*']) if (await allows(client, user, { group: 'cert-manager.io', resource: 'signers', verb: 'reference', namespace, name: each })) return true
  return false
}

/** Verb `approve` on a signer: `issuers.cert-manager.io/ns.name`, or all of its kind. @param resource plural and group, e.g. `clusterissuers.cert-manager.io` */
export async function mayApprove(client: Client, user: Subject, { resource, name, namespace }: { readonly resource: string; readonly name: string; readonly namespace: string | undefined }): Promise<boolean> {
  const names = [`${resource}/*`, ...(namespace === undefined ? [] : [`${resource}/${namespace}.*`]), `${resource}/${namespace === undefined ? name : `${namespace}.${name}`}`]
  for (const each of names) if (await allows(client, user, { group: 'cert-manager.io', resource: 'signers', verb: 'approve', name: each })) return true
  return false
}
