import { messageOf } from '@idp/kit'
import type { Net } from '@idp/sandbox'
import type { World } from '../engine/operation.ts'
import type { HttpTemplate } from '../kinds/workflow.ts'

type Answer = NonNullable<ReturnType<World['answer']>>

/** Requests of HTTP templates, by workflow and node; each is made once. */
export interface HttpAnswers {
  get(workflow: string, node: string): Answer | undefined
  ask(workflow: string, node: string, template: HttpTemplate): void
  forget(workflow: string): void
}

const defaultTimeoutMs = 30_000

/** Reads a key of a Secret for a header; throws when there is none. */
export type ReadSecret = (workflow: string, ref: { readonly name: string; readonly key: string }) => Promise<string>

export function httpAnswers(net: Pick<Net, 'fetch'>, signal: AbortSignal, readSecret: ReadSecret, answered: (workflow: string) => void): HttpAnswers {
  const all = new Map<string, Map<string, Answer | 'asked'>>()
  const of = (workflow: string): Map<string, Answer | 'asked'> => {
    const known = all.get(workflow) ?? new Map<string, Answer | 'asked'>()
    all.set(workflow, known)
    return known
  }
  const ask = async (workflow: string, { url, method = 'GET', headers = [], body, timeoutSeconds, insecureSkipVerify }: HttpTemplate): Promise<Answer> => {
    try {
      const given = await Promise.all(headers.map(async ({ name, value = '', valueFrom }): Promise<[string, string]> => [name, valueFrom === undefined ? value : await readSecret(workflow, valueFrom.secretKeyRef)]))
      const response = await net.fetch(url, {
        method, headers: given, ...(body === undefined ? {} : { body }), insecure: insecureSkipVerify === true,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds === undefined ? defaultTimeoutMs : timeoutSeconds * 1000)]),
      })
      return { status: response.status, body: await response.text() }
    } catch (error) {
      return { error: messageOf(error) }
    }
  }
  return {
    get: (workflow, node) => { const answer = all.get(workflow)?.get(node); return answer === 'asked' ? undefined : answer },
    ask(workflow, node, template) {
      const answers = of(workflow)
      if (answers.has(node)) return
      answers.set(node, 'asked')
      void ask(workflow, template).then((answer) => { answers.set(node, answer); if (!signal.aborted) answered(workflow) })
    },
    forget: (workflow) => void all.delete(workflow),
  }
}
