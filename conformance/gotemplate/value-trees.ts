import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryFiles } from '@idp/kit'
import type { JsonObject } from '@idp/formats'
import { randomCase } from '@idp/lang-gotemplate/random-template'
import { renderHelm } from '@idp/render-helm'

/** Each tree through YAML, JSON, fmt and back, one line a tree. */
const template = `{{- range $i, $tree := .Values.trees }}
t{{ $i }}: {{ list (toYaml $tree) (toJson $tree) (printf "%v" $tree) (toYaml $tree | fromYaml | toJson) (toPrettyJson $tree | sha256sum) | toJson }}
{{- end }}
`
const chartFile = 'apiVersion: v2\nname: trees\nversion: 1.0.0\n'
/** How many one rendering takes. */
const batch = 1_000

/** Renders random value trees with the real helm and with ours. Answers the seeds that differ, with both lines. */
export async function compareTrees(helm: string, first: number, count: number): Promise<{ name: string; reason: string }[]> {
  const failures: { name: string; reason: string }[] = []
  for (let from = first; from < first + count; from += batch) {
    const seeds = Array.from({ length: Math.min(batch, first + count - from) }, (_, i) => from + i)
    const values: JsonObject = { trees: seeds.map((seed) => randomCase(seed).values as JsonObject) }
    const want = realLines(helm, values)
    const { manifest } = await renderHelm(memoryFiles({ 'Chart.yaml': chartFile, 'templates/t.yaml': template }), { releaseName: 'r', namespace: 'n', values: [values] })
    const got = manifest.split('\n')
    want.forEach((line, i) => {
      if (line !== got[i]) failures.push({ name: `tree ${seeds[i - 2] ?? '?'}`, reason: `want ${line.slice(0, 600)}, got ${(got[i] ?? 'nothing').slice(0, 600)}` })
    })
  }
  return failures
}

function realLines(helm: string, values: JsonObject): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'idp-trees-'))
  try {
    mkdirSync(join(folder, 'templates'))
    writeFileSync(join(folder, 'Chart.yaml'), chartFile)
    writeFileSync(join(folder, 'templates/t.yaml'), template)
    writeFileSync(join(folder, 'values.yaml'), JSON.stringify(values))
    const { status, stdout, stderr } = spawnSync(helm, ['template', 'r', folder, '--namespace', 'n'], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
    if (status !== 0) throw new Error(`helm failed: ${stderr}`)
    return stdout.split('\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}
