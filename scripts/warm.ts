/** Part of installing: loads what `idp up` will load, once, so that the first start finds the sources without types (source cache) and compiled (Node's compile cache). */
import '../apps/cli/source-cache.ts'
import { globSync } from 'node:fs'
import { flushCompileCache } from 'node:module'

const { components } = await import('../components/registry.generated.ts')
await Promise.all(components.flatMap(({ programs = [], controlPlane = [] }) => [...programs, ...controlPlane].map((entry) => entry.load())))
await Promise.all(components.flatMap(({ nodes }) => (nodes === undefined ? [] : [nodes.load()])))
// What those load later, and what starts them.
const modules = globSync(['components/*/{programs,controllers}/**/*.ts', 'apps/cli/commands/*.ts', 'apps/cli/{command-line,program}.ts', 'apps/cli/engine/run-engine.ts', 'packages/host/index.ts', 'blueprint/idp.config.ts'])
await Promise.all(modules.filter((file) => !file.endsWith('.test.ts')).map((file) => import(`../${file}`)))
flushCompileCache()
process.exit(0)
