import { spawn } from 'node:child_process'
import { CodedError } from '@idp/kit'
import { formatYaml, parseYaml, parseYamlDocuments, type JsonObject } from '@idp/formats'
import { splitDocuments } from '@idp/render-helm'

const mark = 'postrenderer.helm.sh/postrender-filename'

/** A program as post-renderer: it gets all manifests as one stream, each marked with its template, and prints what is to take their place. Throws CodedError `PostRendererFailed`. */
export function postRenderer(program: string, args: readonly string[], signal: AbortSignal) {
  return async (outputs: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> => {
    const marked = [...outputs].flatMap(([path, text]) => splitDocuments(text).flatMap((document) => {
      const object = parseYaml(document, { source: path, duplicateKeys: 'last' })
      return isMap(object) ? [formatYaml(withMark(object, path))] : []
    }))
    const printed = await run(program, args, marked.join('---\n'), signal)
    const all = new Map<string, string>()
    for (const { value } of parseYamlDocuments(printed, { source: program, duplicateKeys: 'last' })) {
      if (!isMap(value)) continue
      const { path, object } = withoutMark(value)
      const at = path ?? 'generated-by-postrender.yaml'
      all.set(at, `${all.has(at) ? `${all.get(at) ?? ''}---\n` : ''}${formatYaml(object)}`)
    }
    return all
  }
}

function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withMark(object: JsonObject, path: string): JsonObject {
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const annotations = isMap(metadata['annotations']) ? metadata['annotations'] : {}
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, [mark]: path } } }
}

function withoutMark(object: JsonObject): { path: string | undefined; object: JsonObject } {
  const metadata = object['metadata']
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined
  if (!isMap(metadata) || !isMap(annotations)) return { path: undefined, object }
  const { [mark]: path, ...rest } = annotations
  const { annotations: _marked, ...others } = metadata
  return { path: typeof path === 'string' ? path : undefined, object: { ...object, metadata: Object.keys(rest).length === 0 ? others : { ...metadata, annotations: rest } } }
}

function run(program: string, args: readonly string[], input: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = (message: string, cause?: unknown) => reject(new CodedError({ code: 'PostRendererFailed', message: `error while running post render on files: ${message}`, where: program, cause }))
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal })
    const [out, complaints]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
    child.on('error', (error) => refuse(error.message, error))
    child.on('close', (code) => {
      const text = Buffer.concat(out).toString('utf8')
      if (code !== 0) refuse(`error while running command ${program}. error output:\n${Buffer.concat(complaints).toString('utf8').trim()}: exit status ${code}`)
      else if (text.trim() === '') refuse(`post-renderer "${program}" produced empty output`)
      else resolve(text)
    })
    // A program that does not read its input to the end is no fault of ours.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
