import { memoryFiles } from '@idp/kit'
import { createHelmRenderer } from '@idp/render-helm'
import { filesOf } from './chart-files.ts'

// The first rendering that this process does, modules loaded and files in memory. Prints its milliseconds.
const tree = memoryFiles(filesOf(process.argv[2] ?? '.'))
const start = performance.now()
const { documents } = await createHelmRenderer().render(tree, { releaseName: 'bench', namespace: 'bench', includeCrds: true })
if (documents.some(({ object }) => object === undefined)) throw new Error('nothing was rendered')
console.log(performance.now() - start)
