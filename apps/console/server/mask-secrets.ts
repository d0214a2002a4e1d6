import { Secret } from '@idp/api'
import type { Client } from '@idp/client'

/** Shorter values would mask half of a log's words; longer ones are keys that a log would break up. */
const shortest = 8, longest = 4_096

/** Puts `***` in the place of every value of a Secret of the namespace, as it stands and in base64. The values are read for this alone and forgotten. */
export async function maskSecrets(client: Client, namespace: string, text: string): Promise<string> {
  const { items } = await client.list(Secret, { namespace })
  const encoded = items.flatMap((secret) => Object.values(secret.data ?? {}))
  const values = new Set(encoded.flatMap((value) => [value, Buffer.from(value, 'base64').toString('utf8').trim()]).filter(({ length }) => length >= shortest && length <= longest))
  return [...values].toSorted((a, b) => b.length - a.length).reduce((masked, value) => masked.replaceAll(value, '***'), text)
}
