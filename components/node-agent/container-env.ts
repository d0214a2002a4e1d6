import type { ConfigMap, Pod, Secret, Service } from '@idp/api'
import { CodedError } from '@idp/kit'
import { fieldValue, resourceFieldValue, type DownwardFacts } from './downward-fields.ts'
import type { ContainerSpec, EnvVar } from './pod-spec.ts'

/** Where variables come from. */
export interface EnvSources {
  configMap(name: string): ConfigMap | undefined
  secret(name: string): Secret | undefined
  /** Services of the pod's namespace, and `kubernetes` of `default`. */
  services(): readonly Service[]
  readonly facts: DownwardFacts
}

/**
 * The environment of a container as kubelet makes it: Service variables, envFrom, env in order, with `$(NAME)` replaced.
 * Throws CodedError `CreateContainerConfigError` when something it refers to is not there.
 */
export function containerEnv(pod: Pod, container: ContainerSpec, sources: EnvSources): Record<string, string> {
  const services = serviceEnv(pod, sources)
  const fromSources: Record<string, string> = {}
  for (const from of container.envFrom ?? []) {
    const prefix = from.prefix ?? ''
    if (from.configMapRef !== undefined) {
      const found = required(sources.configMap(from.configMapRef.name ?? ''), 'configmap', from.configMapRef.name, from.configMapRef.optional)
      for (const [key, value] of Object.entries(found?.data ?? {})) fromSources[prefix + key] = value
    }
    if (from.secretRef !== undefined) {
      const found = required(sources.secret(from.secretRef.name ?? ''), 'secret', from.secretRef.name, from.secretRef.optional)
      for (const [key, value] of Object.entries(found?.data ?? {})) fromSources[prefix + key] = decode(value)
    }
  }
  const own: Record<string, string> = {}
  const lookUp = (name: string) => own[name] ?? fromSources[name] ?? services[name]
  for (const variable of container.env ?? []) {
    const value = valueOf(pod, container, variable, sources, lookUp)
    if (value !== undefined) own[variable.name] = value
  }
  return { ...services, ...fromSources, ...own }
}

function valueOf(pod: Pod, container: ContainerSpec, variable: EnvVar, sources: EnvSources, lookUp: (name: string) => string | undefined): string | undefined {
  const from = variable.valueFrom
  if (from === undefined) return expand(variable.value ?? '', lookUp)
  if (from.fieldRef !== undefined) return fieldValue(pod, from.fieldRef.fieldPath, sources.facts)
  if (from.resourceFieldRef !== undefined) return resourceFieldValue(pod, container, from.resourceFieldRef, sources.facts)
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef
    return keyOf(required(sources.configMap(name), 'configmap', name, optional)?.data, key, `ConfigMap ${pod.metadata.namespace}/${name}`, optional)
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef
    const value = keyOf(required(sources.secret(name), 'secret', name, optional)?.data, key, `Secret ${pod.metadata.namespace}/${name}`, optional)
    return value === undefined ? undefined : decode(value)
  }
  throw configError(`environment variable ${variable.name} has a source that is not implemented: ${Object.keys(from).join(', ')}`)
}

/** Replaces `$(NAME)`; `$$(NAME)` stands for itself; an unknown name stays as it is. */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => {
    if (whole === '$$') return '$'
    return lookUp(name ?? '') ?? whole
  })
}

function serviceEnv(pod: Pod, sources: EnvSources): Record<string, string> {
  const env: Record<string, string> = {}
  for (const service of sources.services()) {
    const own = service.metadata.namespace === pod.metadata.namespace && pod.spec.enableServiceLinks !== false
    const master = service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes'
    const { clusterIP, ports } = service.spec
    if ((!own && !master) || clusterIP === undefined || clusterIP === 'None' || clusterIP === '' || ports?.[0] === undefined) continue
    const name = (service.metadata.name ?? '').toUpperCase().replaceAll('-', '_')
    env[`${name}_SERVICE_HOST`] = clusterIP
    env[`${name}_SERVICE_PORT`] = String(ports[0].port)
    for (const port of ports) if (port.name !== undefined && port.name !== '') env[`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`] = String(port.port)
    const first = ports[0]
    env[`${name}_PORT`] = `${(first.protocol ?? 'TCP').toLowerCase()}://${clusterIP}:${first.port}`
    for (const port of ports) {
      const protocol = port.protocol ?? 'TCP'
      const prefix = `${name}_PORT_${port.port}_${protocol}`
      env[prefix] = `${protocol.toLowerCase()}://${clusterIP}:${port.port}`
      env[`${prefix}_PROTO`] = protocol.toLowerCase()
      env[`${prefix}_PORT`] = String(port.port)
      env[`${prefix}_ADDR`] = clusterIP
    }
  }
  return env
}

function required<T>(found: T | undefined, kind: string, name: string | undefined, optional: boolean | undefined): T | undefined {
  if (found === undefined && optional !== true) throw configError(`${kind} "${name}" not found`)
  return found
}

function keyOf(data: Record<string, string> | undefined, key: string, where: string, optional: boolean | undefined): string | undefined {
  const value = data !== undefined && Object.hasOwn(data, key) ? data[key] : undefined
  if (value === undefined && optional !== true) throw configError(`couldn't find key ${key} in ${where}`)
  return value
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

function configError(message: string): CodedError {
  return new CodedError({ code: 'CreateContainerConfigError', message, remedy: 'create the object or key, or mark the reference optional' })
}
