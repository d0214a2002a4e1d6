/** The engine's process. What it runs is loaded after the source cache, and through it. */
import '../source-cache.ts'

const { runEngine } = await import('./run-engine.ts')
runEngine()
