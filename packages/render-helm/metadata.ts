import { CodedError } from '@idp/kit'
import type { Json, JsonObject } from '@idp/formats'
import { formatFloat } from '@idp/lang-gotemplate/core'
import { readYaml } from './go-yaml.ts'
import type { Dependency, Maintainer, Metadata } from './chart.ts'

/** Reads Chart.yaml. `where` names the file in errors. */
export function readMetadata(text: string, where: string): Metadata {
  const data = readMap(text, where)
  const metadata: Metadata = {
    name: asText(data['name']), home: asText(data['home']), sources: asTexts(data['sources']), version: asText(data['version']),
    description: asText(data['description']), keywords: asTexts(data['keywords']), maintainers: asList(data['maintainers']).map(maintainer),
    icon: asText(data['icon']), apiVersion: asText(data['apiVersion']) || 'v1', condition: asText(data['condition']), tags: asText(data['tags']),
    appVersion: asText(data['appVersion']), deprecated: data['deprecated'] === true, annotations: asTextMap(data['annotations']),
    kubeVersion: asText(data['kubeVersion']), dependencies: readDependencies(data), type: asText(data['type']),
  }
  validate(metadata, where)
  return metadata
}

/** Reads requirements.yaml of a v1 chart. */
export function readRequirements(text: string, where: string): Dependency[] {
  return readDependencies(readMap(text, where))
}

function readMap(text: string, where: string): JsonObject {
  const data = readYaml(text, where)
  if (data === null) return {}
  if (typeof data !== 'object' || Array.isArray(data)) throw new CodedError({ code: 'InvalidChart', message: `${where} is not a map`, where })
  return data
}

function readDependencies(data: JsonObject): Dependency[] {
  return asList(data['dependencies']).map((item) => {
    const map = asMap(item)
    return {
      name: asText(map['name']), version: asText(map['version']), repository: asText(map['repository']), condition: asText(map['condition']),
      tags: asTexts(map['tags']), importValues: asList(map['import-values']), alias: asText(map['alias']),
    }
  })
}

function maintainer(item: Json): Maintainer {
  const map = asMap(item)
  return { name: asText(map['name']), email: asText(map['email']), url: asText(map['url']) }
}

function asMap(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function asList(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}

/** Numbers and booleans where text is wanted become text, as sigs.k8s.io/yaml does for text fields. */
function asText(value: Json | undefined): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : formatFloat(value, 'g', -1)
  return typeof value === 'boolean' ? String(value) : ''
}

function asTexts(value: Json | undefined): string[] {
  return asList(value).map(asText)
}

function asTextMap(value: Json | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(asMap(value)).map(([key, text]) => [key, asText(text)]))
}

function validate(metadata: Metadata, where: string): void {
  const problem = !['v1', 'v2'].includes(metadata.apiVersion) ? `chart.metadata.apiVersion "${metadata.apiVersion}" is not v1 or v2`
    : metadata.name === '' ? 'chart.metadata.name is required'
      : /[/\\]/.test(metadata.name) || metadata.name === '.' || metadata.name === '..' ? `chart.metadata.name ${JSON.stringify(metadata.name)} is invalid`
        : metadata.version === '' ? 'chart.metadata.version is required'
          : !/^v?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.test(metadata.version) ? `chart.metadata.version "${metadata.version}" is invalid`
            : !['', 'application', 'library'].includes(metadata.type) ? 'chart.metadata.type must be application or library' : ''
  if (problem !== '') throw new CodedError({ code: 'InvalidChart', message: `validation: ${problem}`, where })
}
