import { otherNames, productImages } from '../database/product-images.ts'
import type { InstalledPackage } from './advisory.ts'
import { osOfImage, parseImage, versionOfTag, type ImageReference } from './image-reference.ts'
import { sbomOf, type Sbom } from './sbom.ts'
import type { Finding, VulnerabilityDatabase } from './vulnerability-database.ts'

/** How much the result of a scan says. */
export type Coverage =
  /** The image's packages were given as a software bill of materials and matched one by one. */
  | 'packages'
  /** The version that the tag names was matched; what else the image holds was not looked at. */
  | 'image-version'
  /** The database knows the product, but the tag does not say which version it is. */
  | 'unknown-version'
  /** The database does not know what the image holds: nothing found means nothing. */
  | 'unknown-image'

export interface ImageScan {
  readonly image: ImageReference
  readonly os: { readonly family: string; readonly name: string; readonly eosl?: true } | undefined
  readonly coverage: Coverage
  /** What that means, in a sentence. */
  readonly note: string
  readonly packages: readonly InstalledPackage[]
  readonly findings: readonly Finding[]
}

/** Looks an image up. No layer is read: the engine has none. */
export function scanImage(text: string, database: VulnerabilityDatabase, { sboms = [], now }: { readonly sboms?: readonly Sbom[]; readonly now: number }): ImageScan {
  const image = parseImage(text)
  const os = osOfImage(image, now)
  const sbom = sbomOf(sboms, text)
  const result = (coverage: Coverage, note: string, packages: readonly InstalledPackage[] = []): ImageScan => ({ image, os, coverage, note, packages, findings: packages.flatMap((one) => database.match(one)) })
  if (sbom !== undefined) return result('packages', `${sbom.packages.length} packages of a mounted software bill of materials were matched; the image's layers were not looked at`, sbom.packages)
  const products = productImages[otherNames[image.repository] ?? image.repository]
  if (products === undefined) return result('unknown-image', `the vulnerability database does not know the image ${image.repository}: that nothing is reported does not mean that there is nothing`)
  const version = versionOfTag(image.tag)
  if (version === undefined) return result('unknown-version', `the tag ${image.tag === '' ? '(none)' : image.tag} does not say which version of ${image.repository} this is: nothing was matched`)
  const packages = products.map((name) => ({ ecosystem: name.slice(0, name.indexOf('/')), name: name.slice(name.indexOf('/') + 1), ...version }))
  const known = packages.reduce((sum, one) => sum + database.known(one), 0)
  const line = version.floating ? `; the tag names a line of releases, which counts as its newest` : ''
  return result('image-version', `version ${version.version} was matched against ${known} advisories about ${image.repository}; packages inside the image were not looked at${line}`, packages)
}
