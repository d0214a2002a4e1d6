import { fn, type GoFunction } from '../value.ts'

/** Go's path.Clean. */
export function cleanPath(path: string): string {
  if (path === '') return '.'
  const rooted = path.startsWith('/')
  const out: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') out.push(part)
    else if (out.length > 0 && out.at(-1) !== '..') out.pop()
    else if (!rooted) out.push('..')
  }
  const joined = out.join('/')
  return rooted ? `/${joined}` : joined === '' ? '.' : joined
}

/** Go's path.Base. */
export function basePath(path: string): string {
  if (path === '') return '.'
  const trimmed = path.replace(/\/+$/, '')
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1)
}

function dirPath(path: string): string {
  return cleanPath(path.slice(0, path.lastIndexOf('/') + 1))
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot < 0 ? '' : name.slice(dot)
}

/** Functions on paths with slashes; those that begin with os mean the same here. */
export const pathFunctions: readonly (readonly [string, GoFunction])[] = [
  ...both('base', 'osBase', basePath),
  ...both('dir', 'osDir', dirPath),
  ...both('clean', 'osClean', cleanPath),
  ...both('ext', 'osExt', extension),
  ...both('isAbs', 'osIsAbs', (path) => path.startsWith('/')),
]

function both(name: string, osName: string, run: (path: string) => unknown): [string, GoFunction][] {
  const made = fn('string', run)
  return [[name, made], [osName, made]]
}
