/** Part of installing: loads what `idp up` will load, once, so that the first start finds the sources compiled (Node's compile cache). */
import { flushCompileCache } from 'node:module'
import { components } from '../components/registry.generated.ts'

await import('../apps/cli/commands/up.ts')
await import('../packages/host/index.ts')
await Promise.all(components.flatMap(({ programs = [], controlPlane = [] }) => [...programs, ...controlPlane].map((entry) => entry.load())))
await Promise.all(components.flatMap(({ nodes }) => (nodes === undefined ? [] : [nodes.load()])))
flushCompileCache()
process.exit(0)
