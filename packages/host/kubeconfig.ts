import type { KeyPair } from '@idp/pki'

export interface KubeconfigOptions { readonly name: string; readonly server: string; readonly ca: string; readonly admin: KeyPair }

/** A kubeconfig (YAML that is also JSON) whose current context is the cluster, with a client certificate. */
export function kubeconfig({ name, server, ca, admin }: KubeconfigOptions): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const context = `idp-${name}`
  return [
    'apiVersion: v1', 'kind: Config', `current-context: ${context}`,
    'clusters:', `- name: ${context}`, '  cluster:', `    server: ${server}`, `    certificate-authority-data: ${base64(ca)}`,
    'contexts:', `- name: ${context}`, '  context:', `    cluster: ${context}`, `    user: ${context}-admin`,
    'users:', `- name: ${context}-admin`, '  user:', `    client-certificate-data: ${base64(admin.cert)}`, `    client-key-data: ${base64(admin.key)}`, '',
  ].join('\n')
}
