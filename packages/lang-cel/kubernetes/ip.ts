import { boolType, intType, opaqueType, stringType } from '../check/cel-type.ts'
import { traversalCost } from '../compile/cost.ts'
import { type CelFunction, type CelLibrary, global, member } from '../environment.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { CelOpaque, type CelValue } from '../value/value.ts'
import { formatIp, type IpBytes, isMapped, maskIp, parseIp } from './ip-address.ts'

export const ipType = opaqueType('net.IP')
export const cidrType = opaqueType('net.CIDR')

const sameBytes = (a: IpBytes, b: IpBytes) => a.length === b.length && a.every((byte, i) => byte === b[i])

class Ip extends CelOpaque {
  override readonly celType = ipType
  readonly bytes: IpBytes
  constructor(bytes: IpBytes) {
    super()
    this.bytes = bytes
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof Ip && sameBytes(this.bytes, other.bytes)
  }
}

class Cidr extends CelOpaque {
  override readonly celType = cidrType
  readonly bytes: IpBytes
  readonly prefix: number
  constructor(bytes: IpBytes, prefix: number) {
    super()
    this.bytes = bytes
    this.prefix = prefix
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof Cidr && this.prefix === other.prefix && sameBytes(this.bytes, other.bytes)
  }
}

function readIp(text: string): IpBytes | string {
  const shown = JSON.stringify(text)
  const [address = '', zone] = text.split('%', 2)
  const bytes = parseIp(address)
  if (!bytes || (zone !== undefined && (bytes.length === 4 || zone === ''))) return `IP Address ${shown} parse error during conversion from string: ParseAddr(${shown}): unable to parse IP`
  if (zone !== undefined) return `IP address ${shown} with zone value is not allowed`
  return isMapped(bytes) ? `IPv4-mapped IPv6 address ${shown} is not allowed` : bytes
}

function readCidr(text: string): Cidr | string {
  const shown = JSON.stringify(text)
  const slash = text.lastIndexOf('/')
  const wrong = `network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(${shown}): `
  if (slash < 0) return `${wrong}no '/'`
  const bytes = parseIp(text.slice(0, slash))
  const bits = text.slice(slash + 1)
  if (!bytes) return `${wrong}unable to parse IP`
  if (!/^(?:0|[1-9]\d*)$/.test(bits)) return `${wrong}bad bits after slash: ${JSON.stringify(bits)}`
  if (Number(bits) > bytes.length * 8) return `${wrong}prefix length out of range`
  return isMapped(bytes) ? `IPv4-mapped IPv6 address ${shown} is not allowed` : new Cidr(bytes, Number(bits))
}

function ip(text: CelValue): IpBytes {
  if (text instanceof Ip) return text.bytes
  const found = readIp(text as string)
  if (typeof found === 'string') throw new CelFault(found)
  return found
}

function cidr(text: CelValue): Cidr {
  if (text instanceof Cidr) return text
  const found = readCidr(text as string)
  if (typeof found === 'string') throw new CelFault(found)
  return found
}

/** Upstream says no more than this of a text that is no address. */
function containedIp(value: CelValue): IpBytes {
  const found = value instanceof Ip ? value.bytes : readIp(value as string)
  if (typeof found === 'string') throw noSuchOverload()
  return found
}

const of = (value: CelValue): IpBytes => (value as Ip).bytes
const is = (name: string, test: (bytes: IpBytes) => boolean): CelFunction => ({ name, overloads: [member([ipType], boolType, (value) => test(of(value)))] })
const first = (bytes: IpBytes) => bytes[0] ?? 0
const second = (bytes: IpBytes) => bytes[1] ?? 0
const v4 = (bytes: IpBytes) => bytes.length === 4
const isUnspecified = (bytes: IpBytes) => bytes.every((byte) => byte === 0)
const isLoopback = (bytes: IpBytes) => v4(bytes) ? first(bytes) === 127 : bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1
const isMulticast = (bytes: IpBytes) => v4(bytes) ? first(bytes) >> 4 === 14 : first(bytes) === 255
const isLinkLocalUnicast = (bytes: IpBytes) => v4(bytes) ? first(bytes) === 169 && second(bytes) === 254 : first(bytes) === 254 && second(bytes) >> 6 === 2
const isLinkLocalMulticast = (bytes: IpBytes) => v4(bytes) ? first(bytes) === 224 && second(bytes) === 0 && bytes[2] === 0 : first(bytes) === 255 && (second(bytes) & 15) === 2
const isBroadcast = (bytes: IpBytes) => v4(bytes) && bytes.every((byte) => byte === 255)
const isGlobalUnicast = (bytes: IpBytes) => !isUnspecified(bytes) && !isBroadcast(bytes) && !isLoopback(bytes) && !isMulticast(bytes) && !isLinkLocalUnicast(bytes)

const once = ([text = '']: readonly CelValue[]) => traversalCost(text)

const ipFunctions: CelFunction[] = [
  { name: 'ip', overloads: [global([stringType], ipType, (text) => new Ip(ip(text)), once)] },
  { name: 'isIP', overloads: [global([stringType], boolType, (text) => typeof readIp(text as string) !== 'string', once)] },
  { name: 'ip.isCanonical', overloads: [global([stringType], boolType, (text) => formatIp(ip(text)) === text, ([text = '']) => Math.ceil((text as string).length * 0.2))] },
  { name: 'string', overloads: [global([ipType], stringType, (value) => formatIp(of(value)))] },
  { name: 'family', overloads: [member([ipType], intType, (value) => v4(of(value)) ? 4 : 6)] },
  is('isUnspecified', isUnspecified), is('isLoopback', isLoopback), is('isLinkLocalMulticast', isLinkLocalMulticast), is('isLinkLocalUnicast', isLinkLocalUnicast), is('isGlobalUnicast', isGlobalUnicast),
]

/** `ip('10.0.0.1')`, `isIP`, `family` … (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library). */
export const ipLibrary: CelLibrary = { name: 'kubernetes.net.ip', functions: ipFunctions, types: [ipType] }

const containsIp = (network: Cidr, bytes: IpBytes) => network.bytes.length === bytes.length && sameBytes(maskIp(network.bytes, network.prefix), maskIp(bytes, network.prefix))

/** Comparing as many bytes as the prefix has, and reading the other one when it is text. */
const containsCost = (parts: number, extra: number) => ([network = null, other = null]: readonly CelValue[]) => {
  const size = Math.ceil((network as Cidr).prefix / 8)
  const parse = typeof other === 'string' ? Math.ceil(other.length * 0.1) : 0
  return Math.ceil(size * 2 * 0.1) + (parts > 2 ? Math.ceil(size * 0.1) + extra : 0) + parse
}

const cidrFunctions: CelFunction[] = [
  { name: 'cidr', overloads: [global([stringType], cidrType, cidr, once)] },
  { name: 'isCIDR', overloads: [global([stringType], boolType, (text) => typeof readCidr(text as string) !== 'string', once)] },
  { name: 'string', overloads: [global([cidrType], stringType, (value) => `${formatIp((value as Cidr).bytes)}/${(value as Cidr).prefix}`)] },
  { name: 'containsIP', overloads: [stringType, ipType].map((type) => member([cidrType, type], boolType, (network, other) => containsIp(network as Cidr, containedIp(other)), containsCost(2, 0))) },
  {
    name: 'containsCIDR',
    overloads: [stringType, cidrType].map((type) => member([cidrType, type], boolType, (network, other) => {
      const inner = cidr(other)
      return (network as Cidr).prefix <= inner.prefix && containsIp(network as Cidr, maskIp(inner.bytes, inner.prefix))
    }, containsCost(3, 1))),
  },
  { name: 'ip', overloads: [member([cidrType], ipType, (value) => new Ip((value as Cidr).bytes))] },
  { name: 'masked', overloads: [member([cidrType], cidrType, (value) => new Cidr(maskIp((value as Cidr).bytes, (value as Cidr).prefix), (value as Cidr).prefix))] },
  { name: 'prefixLength', overloads: [member([cidrType], intType, (value) => (value as Cidr).prefix)] },
]

/** `cidr('10.0.0.0/8')`, `containsIP` … (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cidr-library). */
export const cidrLibrary: CelLibrary = { name: 'kubernetes.net.cidr', functions: cidrFunctions, types: [cidrType] }
