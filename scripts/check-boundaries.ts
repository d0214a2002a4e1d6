/** Imports only go down: packages to lower layers, components never to one another, apps to everything below. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { layers } from './layers.ts'

const importOf = /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm

/** Which room a file belongs to: `packages/api`, `components/argocd`, `apps/cli`, `scripts`. */
function roomOf(path: string): string {
  const [top = '', name = ''] = path.split('/')
  return top === 'packages' || top === 'components' || top === 'apps' ? `${top}/${name}` : top
}

const layerOf = (room: string): number | undefined => layers[room] ?? layers[room.split('/')[0] ?? '']

function targetRoom(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return roomOf(normalize(join(dirname(file), specifier)))
  const inRepository = /^@idp\/([^/]+)/.exec(specifier)?.[1]
  if (inRepository === undefined) return undefined
  return layers[`apps/${inRepository}`] === undefined ? `packages/${inRepository}` : `apps/${inRepository}`
}

/** What is wrong with one import, or undefined. */
function violation(file: string, specifier: string): string | undefined {
  const from = roomOf(file)
  const to = targetRoom(file, specifier)
  if (to === undefined || to === from) return undefined
  const isTest = /\.test\.ts$|\/test\/|\/testing/.test(file)
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)]
  if (fromLayer === undefined || toLayer === undefined) return `${fromLayer === undefined ? from : to} has no layer; add it to scripts/layers.ts`
  if (specifier.startsWith('.') && to.startsWith('packages/')) return `reach ${to} by its name, not by path`
  if (isTest) return undefined
  if (to === 'packages/testkit') return 'testkit is for tests only'
  if (from.startsWith('components/') && to.startsWith('components/')) return 'components never import one another; they meet at the Kubernetes API'
  if (toLayer >= fromLayer) return `layer ${fromLayer} may not import layer ${toLayer}`
  return undefined
}

export function checkBoundaries(): string[] {
  const files = globSync(['packages/**/*.ts', 'components/**/*.ts', 'apps/**/*.{ts,tsx}'], { exclude: ['**/node_modules/**'] })
  return files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(importOf)]
    .map((match) => ({ file, specifier: match[1] ?? match[2] ?? match[3] ?? '' }))
    .flatMap(({ specifier }) => {
      if (file === 'components/registry.generated.ts') return []
      const wrong = violation(file, specifier)
      return wrong === undefined ? [] : [`${file}: imports ${specifier}: ${wrong}`]
    }))
}
