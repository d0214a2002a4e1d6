import { ConfigMap, Namespace, Secret, type Kind } from '@idp/api'
import { controllerReference, isControlledBy, watch, type Controller, type Scope } from '@idp/controller'
import { deepEqual, formatLabelSelector, matchesLabelSelector, selectorRequirements, type KubeObject } from '@idp/formats'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { collect, defaultCaVersion, targetData, targetHash, type SourceObject } from '../engine/bundle.ts'
import { withCondition } from '../engine/conditions.ts'
import { Bundle, trustNames, type BundleTarget, type TargetTemplate } from '../kinds/trust.ts'

export interface TrustOptions {
  /** Namespace of the sources. */
  readonly namespace: string
  readonly secretTargets: boolean
  readonly defaults: boolean
}

/** Copies certificates from the trust namespace into every namespace that a Bundle selects. */
export function bundleController(options: TrustOptions): Controller<Bundle> {
  const all = (scope: Scope) => scope.cache(Bundle).list().map(({ metadata }) => ({ name: metadata.name ?? '' }))
  // A source may be one of any bundle; a target names its own.
  const users = ({ metadata }: KubeObject, scope: Scope) => (metadata.namespace === options.namespace ? all(scope) : metadata.labels?.[trustNames.bundle] === undefined ? [] : [{ name: metadata.labels[trustNames.bundle] ?? '' }])
  return {
    name: 'bundles', for: Bundle, watches: [watch(Namespace, (_namespace, scope) => all(scope)), watch(ConfigMap, users), watch(Secret, users)],
    async reconcile(bundle, scope) {
      const finish = (status: 'True' | 'False', reason: string, message: string, more: object = {}) => {
        const old = bundle.status?.conditions?.find(({ type }) => type === 'Synced')
        if (old?.reason !== reason || old.message !== message) scope.event(bundle, status === 'True' ? 'Normal' : 'Warning', reason, message)
        return { status: { ...bundle.status, ...more, conditions: withCondition(bundle.status?.conditions, { type: 'Synced', status, reason, message, observedGeneration: bundle.metadata.generation ?? 1 }, rfc3339(scope.clock.now())) } }
      }
      const { sources, target = {} } = bundle.spec
      try {
        const certificates = collect(sources, { namespace: options.namespace, configMaps: objects(ConfigMap, options, scope), secrets: objects(Secret, options, scope), defaults: options.defaults })
        if (target.secret !== undefined && !options.secretTargets) return finish('False', 'SecretTargetsDisabled', 'Bundle has Secret targets but the feature is disabled')
        const namespaces = scope.cache(Namespace).list().filter(({ metadata, status }) => status?.phase !== 'Terminating' && (target.namespaceSelector === undefined || matchesLabelSelector(target.namespaceSelector, metadata.labels ?? {}))).map(({ metadata }) => metadata.name ?? '')
        const keep = async (kind: Kind<KubeObject>, template: TargetTemplate | undefined): Promise<void> => {
          await drop(kind, bundle, scope, template === undefined ? [] : namespaces)
          if (template === undefined) return
          const hash = targetHash(target, template, certificates)
          for (const namespace of namespaces) await apply({ kind, namespace, template, hash, target, bundle, certificates }, scope)
        }
        await keep(ConfigMap as unknown as Kind<KubeObject>, target.configMap)
        if (options.secretTargets) await keep(Secret as unknown as Kind<KubeObject>, target.secret)
        const selector = target.namespaceSelector === undefined ? '' : formatLabelSelector(selectorRequirements(target.namespaceSelector))
        const message = selector === '' ? 'Successfully synced Bundle to all namespaces' : `Successfully synced Bundle to namespaces that match this label selector: ${selector}`
        return finish('True', 'Synced', message, sources.some(({ useDefaultCAs }) => useDefaultCAs === true) ? { defaultCAVersion: defaultCaVersion } : {})
      } catch (error) {
        if (isCoded(error, 'SourceNotFound')) return finish('False', 'SourceNotFound', `Bundle source was not found: ${messageOf(error)}`)
        if (isCoded(error, 'SourceBuildError')) return finish('False', 'SourceBuildError', `Failed to build bundle sources: ${messageOf(error)}`)
        throw error
      }
    },
  }
}

function objects(kind: Kind<ConfigMap> | Kind<Secret>, { namespace }: TrustOptions, scope: Scope): SourceObject[] {
  return scope.cache<ConfigMap | Secret>(kind as Kind<ConfigMap | Secret>).list({ namespace }).map((object) => ({
    name: object.metadata.name ?? '', labels: object.metadata.labels ?? {}, ...('type' in object && object.type !== undefined ? { type: object.type } : {}),
    data: Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, kind.kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value])),
  }))
}

interface Target { readonly kind: Kind<KubeObject>; readonly namespace: string; readonly template: TargetTemplate; readonly hash: string; readonly target: BundleTarget; readonly bundle: Bundle; readonly certificates: Parameters<typeof targetData>[2] }

async function apply({ kind, namespace, template, hash, target, bundle, certificates }: Target, scope: Scope): Promise<void> {
  const name = bundle.metadata.name ?? ''
  const known = scope.cache<KubeObject & { data?: object; binaryData?: object }>(kind).get(name, namespace)
  const { text, binary } = targetData(target, template, certificates)
  const base64 = Object.fromEntries(Object.entries(binary).map(([key, bytes]) => [key, bytes.toString('base64')]))
  const content = kind.kind === 'Secret'
    ? { type: 'Opaque', data: { ...Object.fromEntries(Object.entries(text).map(([key, value]) => [key, Buffer.from(value).toString('base64')])), ...base64 } }
    : { data: text, ...(Object.keys(base64).length === 0 ? {} : { binaryData: base64 }) }
  const right = known?.metadata.annotations?.[trustNames.hash] === hash && known.metadata.labels?.[trustNames.bundle] === name && isControlledBy(known, bundle)
  if (right && deepEqual(known?.data, content.data) && deepEqual(known?.binaryData ?? {}, 'binaryData' in content ? content.binaryData : {})) return
  await scope.client.apply(kind, {
    apiVersion: 'v1', kind: kind.kind,
    metadata: { name, namespace, labels: { ...template.metadata?.labels, [trustNames.bundle]: name }, annotations: { ...template.metadata?.annotations, [trustNames.hash]: hash }, ownerReferences: [controllerReference(Bundle, bundle)] },
    ...content,
  } as KubeObject, { fieldManager: 'trust-manager', force: true })
}

/** Removes targets that are none any more. */
async function drop(kind: Kind<KubeObject>, bundle: Bundle, scope: Scope, namespaces: readonly string[]): Promise<void> {
  for (const { metadata } of scope.cache(kind).list({ labels: { [trustNames.bundle]: bundle.metadata.name ?? '' } })) {
    const owned = metadata.ownerReferences?.some(({ uid }) => uid === bundle.metadata.uid) === true
    if (owned && !namespaces.includes(metadata.namespace ?? '') && metadata.deletionTimestamp === undefined) await scope.client.delete(kind, metadata.name ?? '', { namespace: metadata.namespace ?? '' })
  }
}
