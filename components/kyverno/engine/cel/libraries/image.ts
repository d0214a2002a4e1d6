import { boolType, CelFault, CelOpaque, dynType, global, jsonToCel, member, opaqueType, stringType, type CelLibrary, type CelValue } from '@idp/lang-cel'
import { parseImage } from '@idp/lang-jmespath'
import { runOf } from '../run-context.ts'
import { bothCases } from './resource.ts'

export const imageDataType = opaqueType('imagedata.Context')
const imageType = opaqueType('kyverno.image')

/** A reference as go-containerregistry reads it: Docker Hub is `index.docker.io`, its official images are below `library/`, a digest leaves no tag. */
class Image extends CelOpaque {
  readonly celType = imageType
  readonly registry: string
  readonly repository: string
  readonly tag: string
  readonly digest: string
  constructor(text: string) {
    super()
    const parsed = parseImage(text)
    if (parsed === undefined) throw new CelFault(`could not parse reference: ${text}`)
    const hub = parsed.registry === 'docker.io' || parsed.registry === 'index.docker.io'
    this.registry = hub ? 'index.docker.io' : parsed.registry
    this.repository = hub && !parsed.path.includes('/') ? `library/${parsed.path}` : parsed.path
    this.digest = parsed.digest
    this.tag = parsed.digest === '' ? parsed.tag : ''
  }
  override equals(other: CelOpaque): boolean {
    return other instanceof Image && `${this.registry}/${this.repository}:${this.tag}@${this.digest}` === `${other.registry}/${other.repository}:${other.tag}@${other.digest}`
  }
}

const part = (name: string, read: (image: Image) => string) => ({ name, overloads: [member([imageType], stringType, (image) => read(image as Image))] })
const parse = global([stringType], imageType, (text) => new Image(String(text)))

/** `image(ref)`, `parseImageReference(ref)`, `isImage(ref)` and the parts of an image; `image.GetMetadata(ref)`. */
export const imageLibrary: CelLibrary = {
  name: 'kyverno.image', types: [imageType],
  functions: [
    { name: 'image', overloads: [parse] }, { name: 'parseImageReference', overloads: [parse] },
    { name: 'isImage', overloads: [global([stringType], boolType, (text) => parseImage(String(text)) !== undefined)] },
    { name: 'containsDigest', overloads: [member([imageType], boolType, (image) => (image as Image).digest !== '')] },
    part('registry', ({ registry }) => registry), part('repository', ({ repository }) => repository), part('tag', ({ tag }) => tag), part('digest', ({ digest }) => digest),
    part('identifier', ({ tag, digest }) => (digest === '' ? tag : digest)),
    ...bothCases('GetMetadata', [member([imageDataType, stringType], dynType, (at, image): CelValue => {
      const { lookups, source } = runOf(at)
      return lookups.ask(`image ${String(image)}`, async () => jsonToCel(await source.imageData(String(image))))
    })]),
  ],
}
