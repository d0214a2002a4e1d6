import { messageOf, type Log } from '@idp/kit'
import type { ContainerFiles } from '@idp/sandbox'
import { seedRecords } from '../database/seed.ts'
import type { OsvRecord } from '../engine/advisory.ts'
import { readSbom, type Sbom } from '../engine/sbom.ts'
import { createDatabase, readOsv, type VulnerabilityDatabase } from '../engine/vulnerability-database.ts'

/** Reads the seed and every `*.json` and `*.jsonl` mounted below a path. A file that cannot be read is left out and named in the log. */
export async function loadDatabase(files: ContainerFiles, path: string, log: Log): Promise<VulnerabilityDatabase> {
  const sources: Record<string, readonly OsvRecord[]> = { seed: seedRecords() }
  await eachJson(files, path, log, (text, name) => { sources[name] = readOsv(text, name) })
  const left = new Map<string, number>()
  const database = createDatabase(sources, (_id, ecosystem) => left.set(ecosystem, (left.get(ecosystem) ?? 0) + 1))
  for (const [ecosystem, count] of left) log.warn('advisories of an ecosystem whose version order is not known here were left out', { ecosystem, count })
  return database
}

/** Reads the CycloneDX documents mounted below a path. */
export async function loadSboms(files: ContainerFiles, path: string, log: Log): Promise<readonly Sbom[]> {
  const sboms: Sbom[] = []
  await eachJson(files, path, log, (text, name) => void sboms.push(readSbom(text, name)))
  return sboms
}

async function eachJson(files: ContainerFiles, path: string, log: Log, read: (text: string, name: string) => void): Promise<void> {
  if (!await files.exists(path)) return
  for (const { name, directory } of await files.list(path)) {
    if (directory || !/\.jsonl?$/.test(name)) continue
    try {
      read(await files.readText(`${path}/${name}`), name)
    } catch (error) {
      log.error('a mounted file could not be read', { file: `${path}/${name}`, error: messageOf(error) })
    }
  }
}
