/** The command line's process. What it runs is loaded after the source cache, and through it. */
import './source-cache.ts'

const { runCommandLine } = await import('./command-line.ts')
await runCommandLine()
