import { CodedError } from '@idp/kit'
import type { Container, Program } from '@idp/sandbox'

type Main = (container: Container) => Promise<number>

const programs: Readonly<Record<string, () => Promise<Main>>> = {
  controller: async () => (await import('./controller.ts')).controller,
  'eventsource-service': async () => (await import('./event-source.ts')).eventSource,
  'sensor-service': async () => (await import('./sensor.ts')).sensor,
  'eventbus-service': async () => (await import('./event-bus.ts')).eventBus,
}

/** One image with many programs, as upstream's: the first argument chooses. The bus is one more, where upstream runs NATS. */
export const argoEvents: Program = {
  images: ['quay.io/argoproj/argo-events'],
  async main(container) {
    const [name = ''] = container.args
    const load = Object.hasOwn(programs, name) ? programs[name] : undefined
    if (load === undefined) throw new CodedError({ code: 'ProgramNotFound', message: `the argo-events stand-in has no program ${JSON.stringify(name)}`, where: container.pod.name, remedy: `It has ${Object.keys(programs).join(', ')}` })
    return (await load())(container)
  },
}
