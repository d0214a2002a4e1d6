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

export function httpAnswers(net: Pick<Net, 'fetch'>, signal: AbortSignal, answered: (workflow: string) => void): HttpAnswers {
  const all = new Map<string, Map<string, Answer | 'asked'>>()
  const of = (workflow: string): Map<string, Answer | 'asked'> => {
    const known = all.get(workflow) ?? new Map<string, Answer | 'asked'>()
    all.set(workflow, known)
    return known
  }
  const ask = async ({ url, method = 'GET', headers = [], body, timeoutSeconds, insecureSkipVerify }: HttpTemplate): Promise<Answer> => {
    try {
      const response = await net.fetch(url, {
        method, headers: headers.map(({ name, value = '' }): [string, string] => [name, value]), ...(body === undefined ? {} : { body }), insecure: insecureSkipVerify === true,
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
      void ask(template).then((answer) => { answers.set(node, answer); if (!signal.aborted) answered(workflow) })
    },
    forget: (workflow) => void all.delete(workflow),
  }
}
