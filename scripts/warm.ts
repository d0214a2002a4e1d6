/** Part of installing: loads what `idp up` will load, once, so that the first start finds the sources without types (source cache) and compiled (Node's compile cache). */
import '../apps/cli/source-cache.ts'
import { globSync } from 'node:fs'
import { flushCompileCache } from 'node:module'

const { components } = await import('../components/registry.generated.ts')
await import('../apps/cli/program.ts')
await Promise.all(globSync('apps/cli/commands/*.ts').filter((file) => !file.endsWith('.test.ts')).map((file) => import(`../${file}`)))
await import('../packages/host/index.ts')
await Promise.all(components.flatMap(({ programs = [], controlPlane = [] }) => [...programs, ...controlPlane].map((entry) => entry.load())))
await Promise.all(components.flatMap(({ nodes }) => (nodes === undefined ? [] : [nodes.load()])))
flushCompileCache()
process.exit(0)
