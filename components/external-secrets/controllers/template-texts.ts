import { ConfigMap, Secret } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { TemplateText } from '../engine/apply-template.ts'
import { secretMapOf, text } from '../engine/secret-map.ts'
import type { Template } from '../kinds/external-secrets.ts'

/** The texts that `templateFrom` names, read from the namespace. Throws when an object or a key is not there. */
export async function templateTexts(template: Template | undefined, namespace: string, { client }: Scope): Promise<TemplateText[]> {
  const texts: TemplateText[] = []
  for (const { configMap, secret, literal, target = 'Data' } of template?.templateFrom ?? []) {
    for (const [source, kind] of [[configMap, 'configmap'], [secret, 'secret']] as const) {
      if (source === undefined) continue
      const data = kind === 'configmap' ? (await client.get(ConfigMap, source.name, { namespace })).data ?? {} : Object.fromEntries([...secretMapOf(await client.get(Secret, source.name, { namespace }))].map(([key, value]) => [key, text(value)]))
      for (const { key, templateAs = 'Values' } of source.items) {
        const found = data[key]
        if (found === undefined) throw new Error(`could not apply template: error fetching templateFrom data: error in ${kind} ${source.name}: missing key ${key}`)
        texts.push({ key, text: found, scope: templateAs, target })
      }
    }
    if (literal !== undefined) texts.push({ key: 'literal', text: literal, scope: 'KeysAndValues', target })
  }
  return texts
}
