import type { Pod, ServiceAccount } from '@idp/api'
import type { Random } from '@idp/kit'
import type { ServerContext } from '../server-context.ts'
import type { AdmissionPlugin } from './admission.ts'
import { creates, deny } from './deny.ts'

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const mirror = 'kubernetes.io/config.mirror'
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** Every pod runs as a ServiceAccount that exists, with its token mounted unless that is turned off. */
export function serviceAccountAdmission({ storage, registry, random }: Pick<ServerContext, 'storage' | 'registry' | 'random'>): AdmissionPlugin {
  const find = (namespace: string, name: string): ServiceAccount | undefined => {
    const resource = registry.find('', 'v1', 'serviceaccounts')
    return resource === undefined ? undefined : (storage.find(resource, { namespace, name }) as ServiceAccount | undefined)
  }
  return {
    name: 'ServiceAccount',
    mayChange: (request) => creates(request, '', 'pods'),
    mutate(request) {
      if (!creates(request, '', 'pods')) return
      const pod = request.object as unknown as Pod
      if (pod.metadata.annotations?.[mirror] !== undefined) return
      const name = pod.spec.serviceAccountName === undefined || pod.spec.serviceAccountName === '' ? 'default' : pod.spec.serviceAccountName
      Object.assign(pod.spec, { serviceAccountName: name, serviceAccount: name })
      const account = find(request.namespace, name)
      if (account === undefined) throw deny(request, `error looking up service account ${request.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`)
      if ((pod.spec.imagePullSecrets?.length ?? 0) === 0 && (account.imagePullSecrets?.length ?? 0) > 0) pod.spec.imagePullSecrets = structuredClone(account.imagePullSecrets ?? [])
      if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, random)
    },
  }
}

type Spec = Pod['spec']

function mountToken({ spec }: Pod, random: Random): void {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const bare = containers.filter((container) => container.volumeMounts?.some((mount) => mount.mountPath === mountPath) !== true)
  if (bare.length === 0) return
  const existing = spec.volumes?.find((volume) => volume.name.startsWith('kube-api-access-'))
  const name = existing?.name ?? `kube-api-access-${Array.from(random(5), (byte) => alphabet[byte % alphabet.length]).join('')}`
  for (const container of bare) container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }]
  if (existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

function tokenVolume(name: string): NonNullable<Spec['volumes']>[number] {
  return {
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  }
}
