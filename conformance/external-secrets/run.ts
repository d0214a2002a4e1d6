/**
 * `npm run conformance -- external-secrets CHECKOUT…`: the object snapshots of checkouts of external-secrets/external-secrets, posted to our definitions.
 * `npm run conformance -- external-secrets matrix`: upstream's end-to-end cases of provider Vault, in our words, with every way to log in.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isApiError } from '@idp/api'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { deepEqual, parseYaml, parseYamlDocuments, type AnyObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { SuiteResult } from '../main.ts'
import { runMatrix } from './matrix.ts'

const definitions = fileURLToPath(new URL('../../components/external-secrets/chart/templates/crds/', import.meta.url))
interface Snapshot { readonly name: string; readonly object: AnyObject }

/**
 * A snapshot names every field of a kind once. It passes when the server takes it under strict field validation and gives back every field as sent, in
 * spec and in status; only a name is added, because the snapshots have none.
 * @param folders checkouts, of one release or several; the same text counts once
 */
export async function run(folders: readonly string[]): Promise<SuiteResult> {
  if (folders[0] === 'matrix') return runMatrix()
  const snapshots = folders.flatMap(snapshotsOf).filter(({ object }, index, all) => all.findIndex((other) => deepEqual(other.object, object)) === index)
  if (snapshots.length === 0) throw new CodedError({ code: 'WrongUsage', message: 'name the folder of a checkout of external-secrets/external-secrets', remedy: 'npm run conformance -- external-secrets CHECKOUT [CHECKOUT…]' })
  await using api = await startTestApi({ namespaces: ['app'] })
  for (const file of globSync('*.yaml', { cwd: definitions }).sort()) {
    for (const { value } of parseYamlDocuments(readFileSync(join(definitions, file), 'utf8'))) {
      if (value === null) continue
      const object = value as unknown as AnyObject
      await api.client.create(await api.client.kindOf(object.apiVersion, object.kind), object)
    }
  }
  await api.fake.advance(1000)
  const failures: { name: string; reason: string }[] = []
  for (const [index, { name, object }] of snapshots.entries()) {
    const reason = await refusal(api, object, `snapshot-${index}`)
    if (reason !== undefined) failures.push({ name, reason })
  }
  return { suite: 'external-secrets', passed: snapshots.length - failures.length, total: snapshots.length, failures }
}

function snapshotsOf(folder: string): Snapshot[] {
  return globSync('tests/__snapshot__/*.yaml', { cwd: folder }).sort().map((file) => ({ name: join(basename(folder), basename(file)), object: parseYaml(readFileSync(join(folder, file), 'utf8')) as unknown as AnyObject }))
}

async function refusal({ client }: TestApi, sent: AnyObject, name: string): Promise<string | undefined> {
  try {
    const kind = await client.kindOf(sent.apiVersion, sent.kind)
    const place = kind.scope === 'Namespaced' ? { name, namespace: 'app' } : { name }
    const created = await client.create(kind, { ...sent, metadata: { ...sent.metadata, ...place } }, { fieldValidation: 'Strict' })
    const lost = firstLoss(sent['spec'], created['spec'], 'spec')
    if (lost !== undefined || sent['status'] === undefined) return lost
    if (kind.subresources?.includes('status') !== true) return firstLoss(sent['status'], created['status'], 'status')
    const updated = await client.update(kind, { ...created, status: sent['status'] } as AnyObject, { fieldValidation: 'Strict', subresource: 'status' })
    return firstLoss(sent['status'], updated['status'], 'status')
  } catch (error) {
    if (isApiError(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

/** Where `got` lacks what was sent or has another value; fields that the server added are its defaults. */
function firstLoss(sent: unknown, got: unknown, path: string): string | undefined {
  if (typeof sent === 'object' && sent !== null && typeof got === 'object' && got !== null) {
    if (Array.isArray(sent) && sent.length !== (got as unknown[]).length) return `${path}: other length`
    for (const [key, value] of Object.entries(sent)) {
      const loss = firstLoss(value, (got as Record<string, unknown>)[key], `${path}.${key}`)
      if (loss !== undefined) return loss
    }
    return undefined
  }
  return Object.is(sent, got) ? undefined : `${path}: ${JSON.stringify(got)} instead of ${JSON.stringify(sent)}`
}
