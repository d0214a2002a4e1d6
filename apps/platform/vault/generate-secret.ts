import { hash } from 'bcryptjs'
import { CodedError, type Random } from '@idp/kit'
import { randomPassword } from '../bootstrap/seed-secrets.ts'

/** Rounds of bcrypt, as Argo CD's own tools use. */
const rounds = 10

/** One value by its source of `idp.config.ts`: `password`, `hex`, `bcrypt:<key of the same path>`, `=text`. Throws CodedError `UnknownSecretSource`. */
export async function generateSecret(source: string, others: Readonly<Record<string, string>>, random: Random): Promise<string> {
  if (source === 'password') return randomPassword(random)
  if (source === 'hex') return Buffer.from(random(32)).toString('hex')
  if (source.startsWith('=')) return source.slice(1)
  const plain = source.startsWith('bcrypt:') ? others[source.slice('bcrypt:'.length)] : undefined
  if (plain === undefined) throw new CodedError({ code: 'UnknownSecretSource', message: `'${source}' names no source of a secret`, where: 'idp.config.ts: secrets', remedy: "Use 'password', 'hex', 'bcrypt:<an earlier key>' or '=text'" })
  return hash(plain, rounds)
}
