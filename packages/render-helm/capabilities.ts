import { CodedError } from '@idp/kit'
import { fn, Struct, strings, typedSlice } from '@idp/lang-gotemplate/core'

/** The Helm whose behaviour this package has. */
export const helmVersion = 'v4.1.4'

/** Kubernetes when nobody says otherwise: what that Helm was built with. */
export const defaultKubeVersion = 'v1.35.0'

/** API versions Helm knows without a cluster. */
export const defaultApiVersions: readonly string[] = [
  'v1', 'admissionregistration.k8s.io/v1', 'admissionregistration.k8s.io/v1alpha1', 'admissionregistration.k8s.io/v1beta1',
  'internal.apiserver.k8s.io/v1alpha1', 'apps/v1', 'apps/v1beta1', 'apps/v1beta2', 'authentication.k8s.io/v1', 'authentication.k8s.io/v1alpha1',
  'authentication.k8s.io/v1beta1', 'authorization.k8s.io/v1', 'authorization.k8s.io/v1beta1', 'autoscaling/v1', 'autoscaling/v2',
  'autoscaling/v2beta1', 'autoscaling/v2beta2', 'batch/v1', 'batch/v1beta1', 'certificates.k8s.io/v1', 'certificates.k8s.io/v1beta1',
  'certificates.k8s.io/v1alpha1', 'coordination.k8s.io/v1alpha2', 'coordination.k8s.io/v1beta1', 'coordination.k8s.io/v1',
  'discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1', 'events.k8s.io/v1', 'events.k8s.io/v1beta1', 'extensions/v1beta1',
  'flowcontrol.apiserver.k8s.io/v1', 'flowcontrol.apiserver.k8s.io/v1beta1', 'flowcontrol.apiserver.k8s.io/v1beta2',
  'flowcontrol.apiserver.k8s.io/v1beta3', 'networking.k8s.io/v1', 'networking.k8s.io/v1beta1', 'node.k8s.io/v1', 'node.k8s.io/v1alpha1',
  'node.k8s.io/v1beta1', 'policy/v1', 'policy/v1beta1', 'rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1beta1',
  'rbac.authorization.k8s.io/v1alpha1', 'resource.k8s.io/v1', 'resource.k8s.io/v1beta2', 'resource.k8s.io/v1beta1', 'resource.k8s.io/v1alpha3',
  'scheduling.k8s.io/v1alpha1', 'scheduling.k8s.io/v1beta1', 'scheduling.k8s.io/v1', 'storage.k8s.io/v1beta1', 'storage.k8s.io/v1',
  'storage.k8s.io/v1alpha1', 'storagemigration.k8s.io/v1beta1', 'apiextensions.k8s.io/v1beta1', 'apiextensions.k8s.io/v1',
]

export interface KubeVersion { readonly version: string; readonly normalized: string; readonly major: string; readonly minor: string }

/** Reads a Kubernetes version such as `1.33`, `v1.33.4-gke.1245000`. Throws CodedError `InvalidKubeVersion`. */
export function readKubeVersion(text: string): KubeVersion {
  const match = /^\s*v?(\d+)\.(\d+)(?:\.(\d+))?(.*)$/s.exec(text)
  if (match === null) throw new CodedError({ code: 'InvalidKubeVersion', message: `invalid kube version '${text}': could not parse "${text}" as version` })
  const [, major = '', minor = '', patch = '0'] = match
  return { version: text.startsWith('v') ? text : `v${text}`, normalized: `v${major}.${minor}.${patch}`, major, minor }
}

/** `.Capabilities`. `extra` is added to the API versions Helm knows. */
export function capabilitiesValue(kube: KubeVersion, extra: readonly string[], helm: string = helmVersion): Struct {
  const versions = [...defaultApiVersions, ...extra]
  const known = new Set(versions)
  const kubeVersion = new Struct({
    type: 'common.KubeVersion',
    fields: { Version: kube.version, normalizedVersion: kube.normalized, Major: kube.major, Minor: kube.minor },
    json: () => ({ Version: kube.version, Major: kube.major, Minor: kube.minor }),
    printed: () => kube.normalized,
    methods: { String: fn('', () => kube.normalized), GitVersion: fn('', () => kube.version) },
  })
  const build = {
    Version: helm, GitCommit: '', GitTreeState: 'clean', GoVersion: '', KubeClientVersion: `v${kube.major}.${kube.minor}`,
  }
  return new Struct({
    type: '*common.Capabilities', kind: 'ptr',
    fields: {
      KubeVersion: kubeVersion,
      APIVersions: new Struct({
        type: 'common.VersionSet', kind: 'slice', content: typedSlice('common.VersionSet', strings(versions).slice()),
        methods: { Has: fn('string', (version: string) => known.has(version)) },
      }),
      HelmVersion: new Struct({
        type: 'version.BuildInfo', fields: build,
        json: () => ({ version: build.Version, git_commit: build.GitCommit, git_tree_state: build.GitTreeState, go_version: build.GoVersion, kube_client_version: build.KubeClientVersion }),
      }),
    },
  })
}
