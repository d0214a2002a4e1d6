import { useHost } from './host.ts'
import { nodeRenderHost } from './node/render-host.ts'

useHost(nodeRenderHost)
export * from './core.ts'
