import { CodedError, type Clock } from '@idp/kit'
import type { ContextSource } from './context.ts'

/** A source whose answers must be there within a time, counted from now: what is slow or dead fails the rule that asks, under its policy's failure policy. Throws CodedError `TimeLimit`. */
export function limitSource(source: ContextSource, { clock, ms }: { readonly clock: Clock; readonly ms: number }): ContextSource {
  const end = clock.now() + ms
  const within = <T>(what: string, answer: Promise<T>): Promise<T> => new Promise((resolve, reject) => {
    const timer = clock.timer(Math.max(0, end - clock.now()), () => reject(new CodedError({ code: 'TimeLimit', message: `${what} did not answer within the time that the request has` })))
    answer.then(resolve, reject).finally(() => timer[Symbol.dispose]())
  })
  const { service, imageData, find, globalEntry } = source
  return {
    configMap: (name, namespace) => within(`ConfigMap ${namespace}/${name}`, source.configMap(name, namespace)),
    api: (path, body) => within(path, source.api(path, body)),
    ...(service === undefined ? {} : { service: (call) => within(call.url, service(call)) }),
    ...(imageData === undefined ? {} : { imageData: (reference) => within(reference, imageData(reference)) }),
    ...(find === undefined ? {} : { find: (reference) => within(reference.kind, find(reference)) }),
    ...(globalEntry === undefined ? {} : { globalEntry }),
    ...(source.given === undefined ? {} : { given: source.given }),
    ...(source.trust === undefined ? {} : { trust: source.trust }),
    expired: () => clock.now() >= end,
  }
}
