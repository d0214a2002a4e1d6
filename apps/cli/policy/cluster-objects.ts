import type { Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import type { PolicyObject } from '../../../components/kyverno/kinds/policy.ts'
import { matchedKinds } from '../../../components/kyverno/engine/matched-kinds.ts'

/** The live objects of every kind that the policies are about, of one namespace or all. */
export async function clusterObjects(client: Client, policies: readonly PolicyObject[], namespace: string | undefined): Promise<AnyObject[]> {
  const wanted = matchedKinds(policies, await client.kinds()).filter(({ scope }) => namespace === undefined || scope === 'Namespaced')
  const objects: AnyObject[] = []
  for (const kind of wanted as unknown as readonly Kind<AnyObject>[]) {
    const { items } = await client.list(kind, namespace === undefined ? {} : { namespace })
    objects.push(...items.map((one) => ({ ...one, apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind })))
  }
  return objects
}
