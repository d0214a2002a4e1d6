import { text, type SecretMap } from './secret-map.ts'

/** A message without the values that may have got into it. Values below three characters are left: they would blot out everything and tell nothing. */
export function redact(message: string, values: SecretMap): string {
  const secrets = [...values.values()].flatMap((value) => {
    const plain = text(value)
    return [plain, JSON.stringify(plain).slice(1, -1), Buffer.from(value).toString('base64'), ...plain.split('\n')]
  }).filter((value) => value.length >= 3).sort((a, b) => b.length - a.length)
  return secrets.reduce((current, value) => current.replaceAll(value, '***'), message)
}
