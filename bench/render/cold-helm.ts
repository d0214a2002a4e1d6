import { memoryFiles } from '@idp/kit'
import { createHelmRenderer } from '@idp/render-helm'
import { editedTemplate, filesOf } from './chart-files.ts'

// The first two renderings that this process does, modules loaded and files in memory, with one template changed in between. Prints their milliseconds.
const files = filesOf(process.argv[2] ?? '.')
const path = editedTemplate(files)
const changed = { ...files, [path]: new TextEncoder().encode(`# changed\n---\n${new TextDecoder().decode(files[path])}`) }
const renderer = createHelmRenderer()
const times: number[] = []
for (const [tree, hint] of [[memoryFiles(files), {}], [memoryFiles(changed), { changed: [path] }]] as const) {
  const start = performance.now()
  const { documents } = await renderer.render(tree, { releaseName: 'bench', namespace: 'bench', includeCrds: true, sharedObjects: true }, hint)
  if (documents.some(({ object }) => object === undefined)) throw new Error('nothing was rendered')
  times.push(performance.now() - start)
}
console.log(JSON.stringify(times))
