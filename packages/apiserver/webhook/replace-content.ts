import type { AnyObject } from '@idp/formats'

/** Others hold on to the object that is being admitted: it keeps its identity. */
export function replaceContent(target: AnyObject, content: AnyObject): void {
  for (const key of Object.keys(target)) if (!(key in content)) delete target[key]
  Object.assign(target, content)
}
