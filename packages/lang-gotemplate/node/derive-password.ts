/** The Master Password algorithm (https://spectre.app), version 3: a site's password from a person's. */
export interface DeriveOptions {
  readonly counter: number
  readonly type: string
  readonly password: string
  readonly user: string
  readonly site: string
  readonly scrypt: (password: string, salt: Buffer, length: number, options: { N: number; r: number; p: number; maxmem: number }) => Buffer
  readonly hmac: (key: Buffer, data: Buffer) => Buffer
}

/** Shapes of passwords: a letter stands for a set of characters. */
const shapes: Readonly<Record<string, readonly string[]>> = {
  maximum: ['anoxxxxxxxxxxxxxxxxx', 'axxxxxxxxxxxxxxxxxno'],
  long: ('CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno CvcvnoCvccCvcv CvcvCvccnoCvcv CvcvCvccCvcvno '
    + 'CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno CvccnoCvccCvcv CvccCvccnoCvcv CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno '
    + 'CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno').split(' '),
  medium: ['CvcnoCvc', 'CvcCvcno'],
  short: ['Cvcn'],
  basic: ['aaanaaan', 'aannaaan', 'aaannaaa'],
  pin: ['nnnn'],
}

const upperVowels = 'AEIOU'
const upperConsonants = 'BCDFGHJKLMNPQRSTVWXYZ'
const letters = upperVowels + upperVowels.toLowerCase() + upperConsonants + upperConsonants.toLowerCase()
const sets: Readonly<Record<string, string>> = {
  V: upperVowels, C: upperConsonants, v: upperVowels.toLowerCase(), c: upperConsonants.toLowerCase(), A: upperVowels + upperConsonants,
  a: letters, n: '0123456789', o: '@&%?,=[]_:-+*$#!\'^~;()/.', x: `${letters}0123456789!@#$%^&*()`,
}

const scope = 'com.lyndir.masterpassword'

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** The password for a site. */
export function derivePassword(options: DeriveOptions): string {
  const { counter, type, password, user, site } = options
  const candidates = Object.hasOwn(shapes, type) ? shapes[type] : undefined
  if (candidates === undefined) return `cannot find password template ${type}`
  const named = (text: string) => Buffer.concat([Buffer.from(scope), number32(Buffer.byteLength(text)), Buffer.from(text)])
  const key = options.scrypt(password, named(user), 64, { N: 32768, r: 8, p: 2, maxmem: 128 * 1024 * 1024 })
  const seed = options.hmac(key, Buffer.concat([named(site), number32(counter)]))
  const shape = candidates[(seed[0] ?? 0) % candidates.length] ?? ''
  return Array.from(shape, (letter, i) => {
    const set = sets[letter] ?? ''
    return set[(seed[i + 1] ?? 0) % set.length]
  }).join('')
}
