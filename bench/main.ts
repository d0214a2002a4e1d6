/** `npm run bench -- NAME [--json]`: runs one benchmark (or lists them). Each prints its results next to the peer's, from the same run. */
import { existsSync, globSync } from 'node:fs'
import { basename } from 'node:path'

export interface BenchResult { readonly name: string; readonly value: number; readonly unit: string; readonly peer?: number; readonly ratio?: number; readonly note?: string }
export interface Bench { readonly bench: string; readonly results: readonly BenchResult[] }

const [name, ...rest] = process.argv.slice(2).filter((word) => word !== '--json')
const json = process.argv.includes('--json')
const here = new URL('.', import.meta.url).pathname
const names = globSync(['*.ts', '*/main.ts'], { cwd: here }).map((file) => (file.includes('/') ? file.split('/')[0] ?? '' : basename(file, '.ts'))).filter((file) => file !== 'main').sort()
if (name === undefined || !names.includes(name)) {
  console.error(`${name === undefined ? 'name a benchmark' : `there is no benchmark '${name}'`}: ${names.join(', ')}`)
  process.exit(2)
}
const flat = new URL(`./${name}.ts`, import.meta.url)
const module = (await import(existsSync(flat) ? flat.href : new URL(`./${name}/main.ts`, import.meta.url).href)) as { run(args: readonly string[]): Promise<Bench> }
const result = await module.run(rest)
if (json) console.log(JSON.stringify(result))
else for (const { name: what, value, unit, peer, ratio, note } of result.results) console.log(`${what.padEnd(48)} ${value.toFixed(value < 10 ? 2 : 0).padStart(10)} ${unit}${peer === undefined ? '' : `   peer ${peer.toFixed(peer < 10 ? 2 : 0)} ${unit}`}${ratio === undefined ? '' : `   ${ratio.toFixed(2)}×`}${note === undefined ? '' : `   (${note})`}`)
process.exit(0)
