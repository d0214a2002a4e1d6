import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from '@idp/api'
import { checkValidationRules } from '@idp/api/cel'
import { parseYamlDocuments } from '@idp/formats'
import { isCoded } from '@idp/kit'
import type { SuiteResult } from './run.ts'

interface Definition { readonly kind?: string; readonly spec?: { readonly versions?: readonly { readonly name: string; readonly schema?: { readonly openAPIV3Schema?: Schema } }[] } }

/** The rules of CustomResourceDefinitions that are in use: clusters accept them, so each must compile and be cheap enough. One case is one rule. */
export async function checkPublicRules(folders: readonly string[]): Promise<SuiteResult> {
  const failures: { name: string; reason: string }[] = []
  let total = 0
  let schemas = 0
  for (const root of folders) {
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name)).sort()) {
      for (const { kind, spec } of definitionsIn(join(root, file))) {
        if (kind !== 'CustomResourceDefinition') continue
        for (const { name, schema } of spec?.versions ?? []) {
          const rules = countRules(schema?.openAPIV3Schema ?? {})
          if (rules === 0) continue
          schemas++
          total += rules
          for (const { field, message } of checkValidationRules(schema?.openAPIV3Schema ?? {}, name)) failures.push({ name: `${file}: ${field}`, reason: message })
        }
      }
    }
  }
  return { suite: 'cel', passed: Math.max(0, total - failures.length), total, failures, schemas }
}

function definitionsIn(path: string): Definition[] {
  try {
    return parseYamlDocuments(readFileSync(path, 'utf8')).map(({ value }) => (value ?? {}) as Definition)
  } catch (error) {
    // Templates and the like end in .yaml too.
    if (isCoded(error)) return []
    throw error
  }
}

function countRules(schema: Schema): number {
  const below = [...Object.values(schema.properties ?? {}), ...schema.items ? [schema.items] : [], ...typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []]
  return (schema['x-kubernetes-validations']?.length ?? 0) + below.reduce((sum, child) => sum + countRules(child), 0)
}
