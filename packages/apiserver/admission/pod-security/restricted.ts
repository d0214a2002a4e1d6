import { containersText, failing, inUserNamespace, isWindows, plural, quote, unique, type Check, type Container } from './check.ts'

const restricted = (run: Check['run'], since = 0): Check => ({ level: 'restricted', since, run })

const privilegeEscalation = restricted((pod, minor) => {
  if (isWindows(pod, minor)) return undefined
  const names = failing(pod, (container) => container.securityContext?.allowPrivilegeEscalation !== false)
  return names.length === 0 ? undefined : { reason: 'allowPrivilegeEscalation != false', detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false` }
}, 8)

const capabilities = restricted((pod, minor) => {
  if (isWindows(pod, minor)) return undefined
  const added = (container: Container) => (container.securityContext?.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE')
  const keeping = failing(pod, (container) => container.securityContext?.capabilities?.drop?.includes('ALL') !== true)
  const adding = failing(pod, (container) => added(container).length > 0)
  const parts = [
    ...(keeping.length > 0 ? [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0 ? [`${containersText(adding)} must not include ${quote(unique(pod.containers.flatMap(added)))} in securityContext.capabilities.add`] : []),
  ]
  return parts.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: parts.join('; ') }
}, 22)

const allowedVolumes = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'])

const volumes = restricted(({ spec }) => {
  const typesOf = (volume: object) => Object.entries(volume).flatMap(([field, value]) => (field === 'name' || value === undefined || value === null ? [] : [field]))
  const wrong = (spec.volumes ?? []).filter((volume) => typesOf(volume).length > 0 && !typesOf(volume).some((type) => allowedVolumes.has(type)))
  if (wrong.length === 0) return undefined
  const types = unique(wrong.flatMap((volume) => typesOf(volume).slice(0, 1)))
  return { reason: 'restricted volume types', detail: `${plural('volume', wrong)} ${quote(wrong.map(({ name }) => name))} ${wrong.length === 1 ? 'uses' : 'use'} restricted volume ${plural('type', types)} ${quote(types)}` }
})

const nonRoot = restricted((pod, minor) => {
  if (inUserNamespace(pod, minor)) return undefined
  const podWide = pod.spec.securityContext?.runAsNonRoot
  const refusing = failing(pod, (container) => container.securityContext?.runAsNonRoot === false)
  const silent = podWide === true ? [] : failing(pod, (container) => container.securityContext?.runAsNonRoot === undefined)
  // A pod that says false is at fault only where a container relies on it.
  const podFails = podWide === false && silent.length > 0
  if (refusing.length === 0 && silent.length === 0) return undefined
  if (refusing.length > 0 || podFails) {
    const setters = [...(podFails ? ['pod'] : []), ...(refusing.length > 0 ? [containersText(refusing)] : [])]
    return { reason: 'runAsNonRoot != true', detail: `${setters.join(' and ')} must not set securityContext.runAsNonRoot=false` }
  }
  return { reason: 'runAsNonRoot != true', detail: `pod or ${containersText(silent)} must set securityContext.runAsNonRoot=true` }
})

const rootUser = restricted((pod, minor) => {
  if (inUserNamespace(pod, minor)) return undefined
  const names = failing(pod, (container) => container.securityContext?.runAsUser === 0)
  const setters = [...(pod.spec.securityContext?.runAsUser === 0 ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])]
  return setters.length === 0 ? undefined : { reason: 'runAsUser=0', detail: `${setters.join(' and ')} must not set runAsUser=0` }
}, 23)

const seccomp = restricted((pod, minor) => {
  if (isWindows(pod, minor)) return undefined
  const fine = (type: string | undefined) => type === 'RuntimeDefault' || type === 'Localhost'
  const podType = pod.spec.securityContext?.seccompProfile?.type
  const wrong = failing(pod, (container) => container.securityContext?.seccompProfile?.type !== undefined && !fine(container.securityContext.seccompProfile.type))
  const silent = fine(podType) ? [] : failing(pod, (container) => container.securityContext?.seccompProfile === undefined)
  const podWrong = podType !== undefined && !fine(podType)
  if (wrong.length === 0 && silent.length === 0 && !podWrong) return undefined
  if (wrong.length > 0 || podWrong) {
    const setters = [...(podWrong ? ['pod'] : []), ...(wrong.length > 0 ? [containersText(wrong)] : [])]
    return { reason: 'seccompProfile', detail: `${setters.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"` }
  }
  return { reason: 'seccompProfile', detail: `pod or ${containersText(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` }
}, 19)

/** A user namespace excuses this in baseline, not here. */
const procMount = restricted((pod) => {
  const names = failing(pod, (container) => (container.securityContext?.procMount ?? 'Default') !== 'Default')
  return names.length === 0 ? undefined : { reason: 'procMount', detail: `${containersText(names)} must not set securityContext.procMount to ${quote(unique(pod.containers.flatMap((container) => (container.securityContext?.procMount ?? 'Default') === 'Default' ? [] : [container.securityContext?.procMount ?? ''])))}` }
}, 35)

export const restrictedChecks: readonly Check[] = [privilegeEscalation, capabilities, volumes, nonRoot, rootUser, seccomp, procMount]
