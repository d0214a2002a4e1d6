import type { Leaf, Ref } from './diagnosis.ts'
import { objects, oneLine } from './field.ts'
import { serviceIn, type World } from './world.ts'

type Cause = Ref | Leaf
type Reading = (message: string, world: World) => readonly Cause[] | undefined

/** The words by which a known refusal is recognised, and what they mean. The first that fits counts. */
const readings: readonly Reading[] = [
  (message, world) => {
    const webhook = /failed calling webhook \\?"([^"\\]+)/.exec(message)?.[1]
    if (webhook === undefined) return undefined
    const owner = [...world.list('ValidatingWebhookConfiguration'), ...world.list('MutatingWebhookConfiguration')].find((config) => objects(config, 'webhooks').some((hook) => hook['name'] === webhook))
    const service = serviceIn(message)
    if (owner !== undefined) return [{ kind: owner.kind, name: owner.metadata.name ?? '' }, ...(service === undefined ? [] : [service])]
    return [{ subject: `webhook ${webhook}`, says: `did not answer: ${oneLine(message)}`, remedy: 'See that the pods behind the webhook run; the sync goes on by itself once it answers' }, ...(service === undefined ? [] : [service])]
  },
  (message) => {
    const denied = /admission webhook \\?"([^"\\]+)\\?" denied the request:?\s*([\s\S]*)/.exec(message)
    if (denied === null) return undefined
    const [, webhook = '', reason = ''] = denied
    const kyverno = /blocked due to the following policies\s+([^\s:]+):\s+([^\s:]+):\s*(?:'([^']*)'|"([^"]*)"|(.+))/.exec(reason)
    if (kyverno === null) return [{ subject: `webhook ${webhook}`, says: `refuses it: ${oneLine(reason)}`, remedy: 'Change the object in Git so that the webhook accepts it' }]
    const said = kyverno[3] ?? kyverno[4] ?? kyverno[5] ?? ''
    return [{ subject: `policy ${kyverno[1]}, rule ${kyverno[2]}`, says: `refuses it: ${oneLine(said)}`, remedy: "Change the object in Git so that it keeps the policy, or allow it with a PolicyException; 'idp policy apply' shows the verdict before a push" }]
  },
  (message) => {
    const found = /ValidatingAdmissionPolicy '([^']+)'(?: with binding '([^']+)')? denied request:\s*([\s\S]*)/.exec(message)
    return found === null ? undefined : [{ subject: `ValidatingAdmissionPolicy ${found[1]}`, says: `refuses it: ${oneLine(found[3] ?? '')}`, remedy: 'Change the object in Git so that it keeps the policy' }]
  },
  (message) => {
    const found = /exceeded quota: ([^,]+), requested: ([\s\S]*?), used: ([\s\S]*?), limited: ([^\n]*)/.exec(message)
    return found === null ? undefined : [{ subject: `ResourceQuota ${found[1]}`, says: `is exceeded: asked for ${found[2]}, in use ${found[3]}, limit ${oneLine(found[4] ?? '')}`, remedy: 'Raise the quota, or ask for less in the requests and limits of the containers' }]
  },
  (message) => {
    const found = /failed quota: ([^:]+): must specify ([^\n]*)/.exec(message)
    return found === null ? undefined : [{ subject: `ResourceQuota ${found[1]}`, says: `wants ${found[2]} on every container`, remedy: 'Set them in resources of the containers, or give the namespace a LimitRange with defaults' }]
  },
  (message) => {
    const found = /violates PodSecurity "([^"]+)":\s*([\s\S]*)/.exec(message)
    return found === null ? undefined : [{ subject: `Pod Security level ${found[1]}`, says: `refuses the pod: ${oneLine(found[2] ?? '')}`, remedy: "Set the securityContext that it names, or lower the namespace's label pod-security.kubernetes.io/enforce" }]
  },
  (message) => {
    const found = /no matches for kind "([^"]+)" in version "([^"]+)"/.exec(message) ?? /could not find (?:[^/\s]*\/)?([A-Za-z]+) for requested resource ([^\s.]*)/.exec(message) ?? /server could not find the requested resource[^"]*"?([\w./-]*)/.exec(message)
    return found === null ? undefined : [{ subject: `CustomResourceDefinition of ${found[1]}`, says: `is missing${found[2] === undefined ? '' : ` (${found[2]})`}`, remedy: 'Install the CustomResourceDefinition first: bring its chart or CRDs into an earlier layer or sync wave' }]
  },
  (message) => {
    const found = /error looking up service account ([^\s:]+)/.exec(message)
    return found === null ? undefined : [{ subject: `ServiceAccount ${found[1]}`, says: 'does not exist', remedy: 'Add it to the repository, or correct serviceAccountName in the pod template' }]
  },
  (message) => {
    const found = /namespaces? "([^"]+)" not found/.exec(message)
    return found === null ? undefined : [{ subject: `Namespace ${found[1]}`, says: 'does not exist', remedy: "Add it to the repository, or set syncOptions 'CreateNamespace=true' on the Application" }]
  },
  (message) => {
    const found = /(?:User )?"(system:serviceaccount:[^"]+)" (?:cannot|is not allowed to) ([^:]*)/.exec(message)
    return found === null ? undefined : [{ subject: `ServiceAccount ${(found[1] ?? '').split(':').slice(2).join('/')}`, says: `may not ${oneLine(found[2] ?? '')}`, remedy: 'Give it a Role or ClusterRole with that verb and a binding' }]
  },
  (message) => (/field is immutable|may not be (?:changed|updated)|updates to statefulset spec for fields other than/i.test(message)
    ? [{ subject: 'a field that cannot change', says: oneLine(message), remedy: "Delete the live object, or set the annotation argocd.argoproj.io/sync-options: Replace=true,Force=true on it" }] : undefined),
]

/** What stands behind an error message of the API server or of a client of it; none for words nobody knows. */
export function refusal(message: string, world: World): readonly Cause[] {
  for (const read of readings) {
    const found = read(message, world)
    if (found !== undefined) return found
  }
  return []
}

/** What stands behind an error of Argo CD's repo server: the repository, the revision, a file. */
export function sourceFault(raw: string, source: { readonly repoURL: string; readonly path: string; readonly revision: string }): readonly Cause[] {
  const { repoURL, path, revision } = source
  // Every layer that passed the error on has put its own words before it.
  const message = raw.replace(/^[\s\S]*?desc = (?!.*desc = )/, '')
  const git: readonly (readonly [RegExp, () => readonly Cause[]])[] = [
    [/authentication required|authentication failed|authorization failed|invalid credentials|permission denied|\b40[13]\b|unauthorized/i, () => [{
      subject: `repository ${withoutCredentials(repoURL)}`, says: 'refuses the credentials', remedy: `Correct username and password in the Secret of namespace argocd with the label argocd.argoproj.io/secret-type=repository`,
    }]],
    [/ssh: handshake|knownhosts|x509|certificate/i, () => [{ subject: `repository ${withoutCredentials(repoURL)}`, says: `its certificate or host key is not trusted: ${oneLine(message)}`, remedy: 'Add the CA to ConfigMap argocd-tls-certs-cm, or the host key to argocd-ssh-known-hosts-cm' }]],
    [/(?:yaml|json).*?(?:line|:\d)|error converting YAML|mapping values|did not find expected|MalformedYAML|invalid YAML|failed to unmarshal/i, () => [{ subject: `file ${fileIn(message) ?? path}`, says: `cannot be read: ${oneLine(message)}`, remedy: 'Correct the file and push; the Application follows by itself' }]],
    [/app path does not exist|no such file or directory|path.*not found/i, () => [{ subject: `folder ${path}`, says: `is not in ${withoutCredentials(repoURL)} at ${revision}: ${oneLine(message)}`, remedy: 'Push the folder, or correct spec.source.path' }]],
    [/unable to resolve|unknown revision|couldn't find remote ref|reference not found|no such (?:branch|ref)/i, () => [{ subject: `revision ${revision}`, says: `is not in ${withoutCredentials(repoURL)}`, remedy: 'Push that branch or tag, or correct spec.source.targetRevision' }]],
    [/repository not found|does not (?:appear to be|exist)|\b404\b/i, () => [{ subject: `repository ${withoutCredentials(repoURL)}`, says: 'does not exist, or its credentials do not show it', remedy: 'Correct spec.source.repoURL, or the repository Secret in namespace argocd' }]],
    [/connection refused|no endpoints|no such host|i\/o timeout|unreachable|connection reset|context deadline|ECONNREFUSED|ENOTFOUND/i, () => {
      const service = serviceIn(message) ?? serviceIn(repoURL)
      const leaf: Leaf = { subject: `repository ${withoutCredentials(repoURL)}`, says: `cannot be reached: ${oneLine(message)}`, remedy: 'See that the Git server runs and that the network lets argocd-repo-server reach it' }
      return service === undefined ? [leaf] : [leaf, service, { kind: 'Deployment', namespace: 'argocd', name: 'argocd-repo-server' }]
    }],
    [/file|kustomiz|helm|template|chart/i, () => [{ subject: `file ${fileIn(message) ?? path}`, says: `cannot be rendered: ${oneLine(message)}`, remedy: `Try it here: idp render kustomize ${path}` }]],
  ]
  return git.find(([pattern]) => pattern.test(message))?.[1]() ?? []
}

/** `path/to/file.yaml:12` in a message. */
function fileIn(message: string): string | undefined {
  const files = [...message.matchAll(/([\w./-]+\.(?:ya?ml|json|tpl))(?::(\d+))?/g)]
  const file = files.find((match) => match[2] !== undefined) ?? files[0]
  if (file === undefined) return undefined
  const line = file[2] ?? /\bline (\d+)/.exec(message)?.[1]
  return `${file[1]}${line === undefined ? '' : `:${line}`}`
}

/** A URL may carry a password. */
export const withoutCredentials = (url: string): string => url.replace(/\/\/[^/@\s]*@/, '//')
