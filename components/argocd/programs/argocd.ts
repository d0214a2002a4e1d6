import type { Container, Program } from '@idp/sandbox'
import { CodedError } from '@idp/kit'

type Main = (container: Container) => Promise<number>

/** The programs of the image, by the name they are called with. */
const programs: Readonly<Record<string, () => Promise<Main>>> = {
  'argocd-application-controller': async () => (await import('./application-controller.ts')).applicationController,
  'argocd-applicationset-controller': async () => (await import('./applicationset-controller.ts')).applicationSetController,
  'argocd-repo-server': async () => (await import('./repo-server.ts')).repoServer,
  'argocd-server': async () => (await import('./server.ts')).server,
  'argocd-notifications': async () => (await import('./notifications-controller.ts')).notificationsController,
  // The chart's init containers copy the binary; there is nothing to copy.
  cp: async () => async () => 0,
}

/** One image with many programs, as upstream's: the last part of the command (or of the first argument) chooses. */
export const argocd: Program = {
  images: ['quay.io/argoproj/argocd'],
  async main(container) {
    const words = [...container.command, ...container.args].filter((word) => !/(^|\/)(tini|entrypoint\.sh)$/.test(word) && word !== '--')
    const name = (words[0] ?? '').split('/').at(-1) ?? ''
    const load = Object.hasOwn(programs, name) ? programs[name] : undefined
    if (load === undefined) {
      throw new CodedError({ code: 'ProgramNotFound', message: `the Argo CD stand-in has no program ${JSON.stringify(name)}`, where: container.pod.name, remedy: `It has ${Object.keys(programs).filter((one) => one !== 'cp').join(', ')}` })
    }
    return (await load())(container)
  },
}
