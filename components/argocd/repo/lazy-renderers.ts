import type { Clock } from '@idp/kit'
import type { SourceRenderers } from './create-repo-service.ts'

/**
 * Renderers that are loaded when the first source must be rendered and let go some time after the last one: a start that finds every
 * rendering kept loads none, and charts, parsed templates and what they made of them do not stay in memory while nobody pushes.
 */
export function lazyRenderers(load: () => Promise<SourceRenderers>, { clock, restMs }: { readonly clock: Clock; readonly restMs: number }): SourceRenderers {
  let loaded: Promise<SourceRenderers> | undefined
  let timer: Disposable | undefined
  let busy = 0
  const using = async <T>(run: (renderers: SourceRenderers) => Promise<T>): Promise<T> => {
    timer?.[Symbol.dispose]()
    busy++
    try {
      return await run(await (loaded ??= load()))
    } finally {
      if (--busy === 0) timer = clock.timer(restMs, () => { loaded = undefined })
    }
  }
  return {
    kustomize: (job) => using((renderers) => renderers.kustomize(job)),
    helm: (job) => using((renderers) => renderers.helm(job)),
    chart: (request, refs) => using((renderers) => renderers.chart(request, refs)),
  }
}
