import { CodedError } from '@idp/kit'
import { ParseError, parseTemplates, type Template } from '@idp/lang-gotemplate/core'
import type { TemplateFile } from './chart.ts'
import { helmFunctions } from './functions.ts'

const byText = new Map<string, Map<string, Template[]>>()
const mostCharacters = 64 * 1024 * 1024
let characters = 0

/** Those of files at hand, which saves looking texts up. */
const byFile = new WeakMap<TemplateFile, { readonly path: string; readonly templates: readonly Template[] }>()

/** The templates of a file, compiled once for as long as its text is in use. Throws CodedError `InvalidTemplate` with file and line. */
export function templatesOf(path: string, file: TemplateFile): readonly Template[] {
  let known = byFile.get(file)
  if (known?.path !== path) byFile.set(file, known = { path, templates: templatesOfText(path, file.text) })
  return known.templates
}

function templatesOfText(path: string, text: string): readonly Template[] {
  let byPath = byText.get(text)
  if (byPath === undefined) {
    forget(text.length)
    byText.set(text, byPath = new Map())
  }
  let found = byPath.get(path)
  if (found === undefined) byPath.set(path, found = parse(path, text))
  return found
}

/** Makes room, oldest first. */
function forget(size: number): void {
  characters += size
  for (const text of byText.keys()) {
    if (characters <= mostCharacters) return
    byText.delete(text)
    characters -= text.length
  }
}

function parse(path: string, text: string): Template[] {
  try {
    return parseTemplates(path, text, helmFunctions)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const parts = error.message.split(': ')
    throw new CodedError({ code: 'InvalidTemplate', message: `parse error at (${parts[1]}): ${parts.at(-1)}`, where: `${path}:${error.line}`, cause: error })
  }
}
