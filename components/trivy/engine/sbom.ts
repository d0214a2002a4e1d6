import { CodedError } from '@idp/kit'
import type { InstalledPackage } from './advisory.ts'
import { parseImage } from './image-reference.ts'

/** The packages of an image that somebody else has listed: a CycloneDX document whose `metadata.component` is the image. */
export interface Sbom { readonly image: string; readonly packages: readonly InstalledPackage[] }

/** Reads CycloneDX JSON (https://cyclonedx.org, 1.4 and later). Throws CodedError `InvalidSbom`. */
export function readSbom(text: string, where: string): Sbom {
  const refuse = (message: string): never => { throw new CodedError({ code: 'InvalidSbom', message, where, remedy: 'give CycloneDX JSON with the image as metadata.component.name' }) }
  let document: { bomFormat?: string; metadata?: { component?: { name?: string } }; components?: readonly { purl?: string }[] }
  try {
    document = JSON.parse(text) as typeof document
  } catch (error) {
    return refuse(`not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const image = document.metadata?.component?.name
  if (document.bomFormat !== 'CycloneDX' || image === undefined) return refuse('no CycloneDX document about an image')
  return { image, packages: (document.components ?? []).flatMap(({ purl }) => (purl === undefined ? [] : packageOfPurl(purl) ?? [])) }
}

/** Finds the document about an image, by its full name with tag. */
export function sbomOf(sboms: readonly Sbom[], image: string): Sbom | undefined {
  const name = (text: string): string => { const { registry, repository, tag } = parseImage(text); return `${registry}/${repository}:${tag}` }
  return sboms.find((sbom) => name(sbom.image) === name(image))
}

const ecosystems: Readonly<Record<string, string>> = { npm: 'npm', golang: 'Go', cargo: 'crates.io', nuget: 'NuGet', composer: 'Packagist', hex: 'Hex', pub: 'Pub', bitnami: 'Bitnami' }

/** A package URL (https://github.com/package-url/purl-spec) in OSV's words; undefined for types that are not matched. */
export function packageOfPurl(purl: string): InstalledPackage | undefined {
  const found = /^pkg:([a-z]+)\/([^@?#]+)@([^?#]+)(?:\?([^#]*))?/.exec(purl)
  if (found === null) return undefined
  const [, type = '', path = '', version = '', query = ''] = found
  const name = decodeURIComponent(path)
  if (type === 'deb') {
    const distro = new URLSearchParams(query).get('distro') ?? ''
    const release = /(\d+)/.exec(distro)?.[1]
    return release === undefined || !name.startsWith('debian/') ? undefined : { ecosystem: `Debian:${release}`, name: new URLSearchParams(query).get('upstream')?.split('@')[0] ?? name.slice('debian/'.length), version: decodeURIComponent(version) }
  }
  const ecosystem = ecosystems[type]
  return ecosystem === undefined ? undefined : { ecosystem, name, version: decodeURIComponent(version) }
}
