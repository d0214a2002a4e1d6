import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { seedRecords } from '../database/seed.ts'
import { matchAffected } from '../engine/advisory.ts'
import { osOfImage, parseImage, versionOfTag } from '../engine/image-reference.ts'
import { packageOfPurl, readSbom } from '../engine/sbom.ts'
import { scanImage } from '../engine/scan-image.ts'
import { cvss3Score, severityOf } from '../engine/severity.ts'
import { compareDebian, compareSemantic } from '../engine/version-order.ts'
import { createDatabase, readOsv } from '../engine/vulnerability-database.ts'

const sign = (value: number): string => (value < 0 ? '<' : value > 0 ? '>' : '=')

test('versions are ordered as their ecosystems order them', () => {
  const debian: [string, string, string][] = [['1.0', '1.0', '='], ['1.0', '1.0-1', '<'], ['1.0~rc1', '1.0', '<'], ['1:0.9', '2.0', '>'], ['2.36-9+deb12u2', '2.36-9+deb12u10', '<'], ['1.2.4-0.2', '1.2.4-0.2+deb12u1', '<'], ['1.0a', '1.0+', '<'], ['0.09', '0.9', '='], ['1.0~~', '1.0~', '<'], ['9.2p1-2', '9.2p1-10', '<'], ['', '0', '=']]
  for (const [a, b, want] of debian) assert.equal(sign(compareDebian(a, b)), want, `${a} ${b}`)
  const semantic: [string, string, string][] = [['v1.2.3', '1.2.3', '='], ['1.29', '1.29.0', '='], ['1.10.0', '1.9.0', '>'], ['1.0.0-rc.1', '1.0.0', '<'], ['1.0.0-rc.2', '1.0.0-rc.11', '<'], ['2.442', '2.426.3', '>']]
  for (const [a, b, want] of semantic) assert.equal(sign(compareSemantic(a, b)), want, `${a} ${b}`)
})

test('OSV ranges: the last event at or before a version decides', () => {
  const affected = { package: { ecosystem: 'Bitnami', name: 'x' }, versions: ['0.1.0'], ranges: [{ type: 'SEMVER', events: [{ fixed: '1.2.0' }, { introduced: '1.0.0' }, { introduced: '2.0.0' }, { last_affected: '2.1.0' }] }] }
  const rows: [string, boolean, string[]][] = [['0.9.0', false, []], ['0.1.0', true, []], ['1.0.0', true, ['1.2.0']], ['1.1.9', true, ['1.2.0']], ['1.2.0', false, []], ['2.1.0', true, []], ['2.1.1', false, []]]
  for (const [version, found, fixed] of rows) assert.deepEqual(matchAffected(affected, { ecosystem: 'Bitnami', name: 'x', version }), { affected: found, fixed }, version)
  // A line of releases counts as its newest one.
  assert.equal(matchAffected(affected, { ecosystem: 'Bitnami', name: 'x', version: '1.2', floating: true }).affected, false)
  assert.equal(matchAffected(affected, { ecosystem: 'Bitnami', name: 'x', version: '1.1', floating: true }).affected, true)
  assert.equal(matchAffected({ ...affected, package: { ecosystem: 'Unheard', name: 'x' } }, { ecosystem: 'Unheard', name: 'x', version: '1.0.0' }).affected, false)
})

test('CVSS 3.1 base scores, and severities in every form', () => {
  const rows: [string, number | undefined][] = [['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8], ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10], ['CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H', 7.8], ['CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1], ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N', 0], ['CVSS:3.1/AV:N', undefined]]
  for (const [vector, score] of rows) assert.equal(cvss3Score(vector), score, vector)
  assert.deepEqual(severityOf({ id: 'x', database_specific: { severity: 'MODERATE' } }), { severity: 'MEDIUM' })
  assert.deepEqual(severityOf({ id: 'x', severity: [{ type: 'CVSS_V3', score: rows[0]?.[0] ?? '' }] }), { severity: 'CRITICAL', score: 9.8 })
  assert.deepEqual(severityOf({ id: 'x' }), { severity: 'UNKNOWN' })
})

test('names of images', () => {
  assert.deepEqual(parseImage('nginx'), { registry: 'index.docker.io', repository: 'library/nginx', tag: 'latest' })
  assert.deepEqual(parseImage('localhost:5000/team/app:1.4.2'), { registry: 'localhost:5000', repository: 'team/app', tag: '1.4.2' })
  assert.deepEqual(parseImage('ghcr.io/a/b@sha256:00'), { registry: 'ghcr.io', repository: 'a/b', tag: '', digest: 'sha256:00' })
  const tags: [string, string | undefined, boolean][] = [['v1.20.4', '1.20.4', false], ['1.29-alpine', '1.29', true], ['25.9.0.112764-community', '25.9.0.112764', false], ['v3.6.0-rc1', '3.6.0-rc1', false], ['latest', undefined, false], ['16', '16', true]]
  for (const [tag, version, floating] of tags) assert.deepEqual(versionOfTag(tag), version === undefined ? undefined : { version, floating }, tag)
  const now = Date.parse('2026-01-01')
  assert.deepEqual([osOfImage({ repository: 'library/python', tag: '3.12-alpine3.18' }, now), osOfImage({ repository: 'library/node', tag: '20-bookworm-slim' }, now), osOfImage({ repository: 'team/app', tag: '1' }, now)], [{ family: 'alpine', name: '3.18', eosl: true }, { family: 'debian', name: '12' }, undefined])
})

test('the seed is well formed, and finds what it should', () => {
  const records = seedRecords()
  assert.equal(new Set(records.map(({ id }) => id)).size, 78)
  for (const { id, affected, published, references = [], database_specific: { severity = '', score } = {} } of records) {
    assert.match(id, /^CVE-\d{4}-\d{4,}$/)
    assert.ok(published === undefined || !Number.isNaN(Date.parse(published)), id)
    // No row without the place it was checked against, and no score beside a severity that it does not mean.
    assert.ok(references.length > 0, id)
    for (const { url } of references) assert.match(url, /^https:\/\/(www\.cve\.org\/CVERecord\?id=CVE-[\d-]+|pkg\.go\.dev\/vuln\/GO-\d{4}-\d{4}|github\.com\/advisories\/GHSA-[\w-]+|github\.com\/bitnami\/vulndb\/blob\/main\/data\/([a-z-]+)\/BIT-\2-[\d-]+\.json|security-tracker\.debian\.org\/tracker\/CVE-[\d-]+)$/)
    if (score !== undefined) assert.equal(severity, score >= 9 ? 'CRITICAL' : score >= 7 ? 'HIGH' : score >= 4 ? 'MEDIUM' : 'LOW', id)
    for (const { package: { ecosystem = '' } = {}, ranges } of affected ?? []) {
      for (const { events } of ranges ?? []) {
        const [from = '', to = ''] = events.map(({ introduced, fixed, last_affected: last }) => introduced ?? fixed ?? last ?? '')
        assert.ok(from === '0' || (ecosystem.startsWith('Debian') ? compareDebian : compareSemantic)(from, to) < 0, `${id}: ${from}..${to}`)
      }
    }
  }
  const database = createDatabase({ seed: records })
  const found = (image: string): string[] => scanImage(image, database, { now: 0 }).findings.map(({ id }) => id)
  assert.deepEqual(found('nginx:1.20.0'), ['CVE-2021-23017', 'CVE-2022-41741', 'CVE-2022-41742', 'CVE-2023-44487', 'CVE-2024-7347', 'CVE-2025-23419', 'CVE-2025-53859'])
  assert.deepEqual(found('docker.io/nginxinc/nginx-unprivileged:1.29-alpine'), [])
  assert.deepEqual(found('docker.io/hashicorp/vault:1.20.4'), ['CVE-2025-12044', 'CVE-2025-11621'])
  assert.deepEqual(found('quay.io/argoproj/argocd:v3.1.1'), ['CVE-2025-55190', 'CVE-2025-59531', 'CVE-2025-59537'])
  assert.deepEqual(found('postgres:16.4'), ['CVE-2025-1094', 'CVE-2025-8714', 'CVE-2025-8715'].toSpliced(0, 0, 'CVE-2024-10979'))
  const coverage = ['nginx:1.20.0', 'nginx:latest', 'example.org/none:1'].map((image) => scanImage(image, database, { now: 0 }).coverage)
  assert.deepEqual(coverage, ['image-version', 'unknown-version', 'unknown-image'])
})

test('OSV files add to the seed; a bill of materials is matched package by package', () => {
  const records = readOsv(JSON.stringify([{ id: 'GHSA-1', aliases: ['CVE-2030-1'], modified: '2030-01-01T00:00:00Z', affected: [{ package: { ecosystem: 'npm', name: 'left' }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }] }] }, { id: 'W', withdrawn: '2020-01-01T00:00:00Z' }, { id: 'PY', affected: [{ package: { ecosystem: 'PyPI', name: 'x' } }] }]), 'a.json')
  const skipped: string[] = []
  const database = createDatabase({ seed: seedRecords(), 'a.json': records }, (id, ecosystem) => skipped.push(`${id} ${ecosystem}`))
  assert.deepEqual([database.sources.get('a.json'), skipped, new Date(database.updated).getUTCFullYear()], [1, ['PY PyPI'], 2030])
  const sbom = readSbom(JSON.stringify({ bomFormat: 'CycloneDX', metadata: { component: { name: 'ghcr.io/team/app:1.4.2' } }, components: [{ purl: 'pkg:npm/left@1.0.0' }, { purl: 'pkg:deb/debian/libcurl4@7.88.1-10%2Bdeb12u3?distro=debian-12&upstream=curl' }, { purl: 'pkg:npm/lodash@4.17.21' }, { purl: 'pkg:generic/x@1' }] }), 's.json')
  const scan = scanImage('ghcr.io/team/app:1.4.2', database, { sboms: [sbom], now: 0 })
  assert.deepEqual([scan.coverage, scan.packages.length, scan.findings.map(({ id, fixed }) => `${id} ${fixed.join()}`)], ['packages', 3, ['CVE-2030-1 2.0.0', 'CVE-2023-38545 7.88.1-10+deb12u4']])
  assert.deepEqual(packageOfPurl('pkg:golang/golang.org/x/crypto@v0.30.0'), { ecosystem: 'Go', name: 'golang.org/x/crypto', version: 'v0.30.0' })
  assert.throws(() => readOsv('{', 'b.json'), (error) => isCoded(error, 'InvalidAdvisory'))
  assert.throws(() => readOsv('[{}]', 'b.json'), (error) => isCoded(error, 'InvalidAdvisory'))
  assert.throws(() => readSbom('{}', 's.json'), (error) => isCoded(error, 'InvalidSbom'))
})
