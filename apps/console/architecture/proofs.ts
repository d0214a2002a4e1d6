import type { Json } from '@idp/formats'

/** What `idp verify` does to prove an arrow, and how a person sees the same by hand. */
export interface Proof { readonly does: string; readonly look: readonly string[] }

type Words = Readonly<Record<string, Json>>
type ProofOf = (own: Words) => Proof
const one = (does: string, ...look: readonly string[]): ProofOf => () => ({ does, look })
const text = (value: Json | undefined): string => String(value ?? '')
const applications = 'kubectl get applications -n argocd -w'
const secrets = 'kubectl get externalsecrets -A -w'

const scan = one('It runs a scratch workload with an image that is known to be vulnerable and reads the VulnerabilityReport that appears, names the CVE and its fix, and is renewed when the image changes.', 'kubectl get vulnerabilityreports -A -w')
const certificate = one('It makes a scratch Gateway with the annotation cert-manager.io/cluster-issuer, follows Certificate, CertificateRequest and Secret, and checks the signature with the key of the CA and what a handshake presents.', 'kubectl get certificates,certificaterequests -A -w', 'cmctl status certificate idp-wildcard-cert -n kube-system')
const placedOn: ProofOf = (own) => ({ does: `It reads on which nodes the pods ${[own['pods']].flat().map(text).join(', ')}… of ${text(own['namespace'])} stand, and that ${text(own['pool'])} asks for it.`, look: [`kubectl get pods -n ${text(own['namespace'])} -o wide`, `kubectl get nodes -l ${text(own['pool'])}`] })
const generated: ProofOf = (own) => ({ does: `It compares the directories of K8s/${text(own['applicationSet'])}/ in Git with the Applications of the ApplicationSet, and sees one that was changed by hand put back.`, look: [`kubectl get applicationset ${text(own['applicationSet'])} -n argocd -o yaml`, applications] })

const proofs: Readonly<Record<string, ProofOf>> = {
  'commit-detected': one('It pushes a commit to a scratch branch that a scratch Application follows, and measures how long Argo CD takes to see it.', applications),
  'change-computed': one('It pushes two commits to a scratch branch and reads which resources Argo CD found to differ between them.', applications),
  'change-applied': one('It pushes a changed value and measures how long the value takes to be live in the cluster.', applications, 'kubectl get applications -n argocd -o custom-columns=NAME:.metadata.name,REVISION:.status.sync.revision'),
  'drift-healed': (own) => ({ does: `It changes a label of ${text(own['kind'])} ${text(own['namespace'])}/${text(own['name'])} by hand and sees Application ${text(own['application'])} put it back.`, look: [`kubectl get ${text(own['kind']).toLowerCase()} ${text(own['name'])} -n ${text(own['namespace'])} --show-managed-fields -o yaml`, `kubectl get application ${text(own['application'])} -n argocd -o yaml`] }),
  'application-managed': (own) => ({ does: `It asks Application ${text(own['application'])} for a refresh and sees its controller do it.`, look: [`kubectl annotate application ${text(own['application'])} -n argocd argocd.argoproj.io/refresh=normal`, `kubectl get application ${text(own['application'])} -n argocd -w`] }),
  'directories-monitored': generated, 'application-generated': generated,
  'validated-and-mutated': one('It asks for a Namespace without an owner (a dry run) and is refused by the policy’s name; it applies a workload without labels and finds it stored with those that the policy adds.', 'kubectl create namespace no-owner --dry-run=server', 'kubectl get events -A --field-selector reason=PolicyViolation'),
  'request-validated': one('It asks for a Namespace without an owner, as a dry run, and is refused by the policy’s name.', 'kubectl create namespace no-owner --dry-run=server'),
  'request-mutated': one('It applies a workload without labels and finds it stored with the labels that the policy adds.', 'kubectl get deployments -A --show-labels'),
  'sync-meets-policy': one('It pushes a manifest that breaks a rule and reads the policy’s refusal in the Application that syncs it.', "kubectl get applications -n argocd -o jsonpath='{.items[*].status.operationState.message}'"),
  'reports-served': one('It counts PolicyReports and asks Policy Reporter’s REST API for their results.', 'kubectl get policyreports -A', 'kubectl get --raw /api/v1/namespaces/kyverno-system/services/policy-reporter:http/proxy/v1/namespaced-resources/results'),
  'secret-read': one('It writes a value to Vault, makes an ExternalSecret for it and sees it Ready; then changes the value and sees the refresh.', secrets),
  'secret-created': one('It makes an ExternalSecret and finds the Secret with the value that Vault holds.', secrets, 'kubectl get secrets -A -w'),
  'secret-kept': one('It changes a synced Secret by hand and sees External Secrets put it back.', 'kubectl get secrets -A -w'),
  'secret-missing': one('It starts a pod before its Secret exists and reads why the pod waits.', 'kubectl get events -A --field-selector reason=FailedMount'),
  'secret-mounted': one('A scratch pod with the Secret mounted lets in only who knows its value, also after the value has changed in Vault.', 'kubectl describe pod -n observability -l app.kubernetes.io/name=grafana'),
  'store-configured': one('It reads the SecretStore that its ExternalSecret names, and that it is Ready.', 'kubectl get secretstores,clustersecretstores -A'),
  'vault-operational': one('It asks Vault for its seal status, and that every SecretStore can log in.', 'kubectl exec -n vault-system vault-0 -- vault status', 'kubectl get secretstores -A'),
  'secrets-available': one('It sees that the ExternalSecret of Argo CD’s administrator is synced and argocd-server runs.', 'kubectl get externalsecrets -n argocd'),
  'cluster-ready-for-vault': one('It sees Cilium run on the nodes and vault-0 with an address.', 'kubectl get pods -n vault-system -o wide'),
  'application-sets-synced': one('It sees that the root application has applied every ApplicationSet, and that each has made Applications.', 'kubectl get applicationsets -n argocd'),
  'all-healthy': one('It sees that every Application is Synced and Healthy, and that everything they own is there.', 'idp status', 'kubectl get applications -n argocd'),
  'cluster-created': one('It sees that all nodes are Ready, with the network agent on each.', 'kubectl get nodes'),
  'placed-on': placedOn, 'daemon-on': placedOn,
  'installed-from-chart': (own) => ({ does: `It reads the label helm.sh/chart of ${text(own['kind'])} ${text(own['namespace'])}/${text(own['name'])}: ${text(own['chart'])}, and that its pods are ready.`, look: [`kubectl get ${text(own['kind']).toLowerCase()} ${text(own['name'])} -n ${text(own['namespace'])} --show-labels`] }),
  'rolling-update': (own) => ({ does: `It changes the template of StatefulSet ${text(own['namespace'])}/${text(own['name'])} and sees the pod replaced and ready.`, look: [`kubectl rollout status statefulset ${text(own['name'])} -n ${text(own['namespace'])}`] }),
  'workload-created': one('It applies a scratch Deployment and sees it stored with a uid and seen by its controller.', 'kubectl get deployments -A -w'),
  'workload-watched': scan, 'images-discovered': scan, 'images-scanned': scan, 'report-renewed': scan, 'report-stored': scan,
  'platform-scanned': one('It sees that what runs on the platform has vulnerability reports.', 'kubectl get vulnerabilityreports -A'),
  'workflow-analyses': one('A scratch Workflow submits an analysis to SonarQube and reads its quality gate.', 'kubectl get workflows -n cicd -w'),
  'certificate-requested': certificate, 'issuer-read': certificate, 'signed-by-ca': certificate, 'certificate-secret-created': certificate, 'certificate-referenced': certificate,
  'gateway-presents-certificate': one('It compares the serial number of the certificate in a TLS handshake with the one in the Secret.', 'kubectl get certificate idp-wildcard-cert -n kube-system -o yaml'),
  'https-reaches-gateway': (own) => ({ does: `It requests ${text(own['host'])} over HTTPS, with the certificate verified against the platform’s CA.`, look: [`idp open ${text(own['host'])} --print`, 'kubectl get gateway idp-gateway -n kube-system'] }),
  'route-attached': (own) => ({ does: `It reads that HTTPRoute ${text(own['namespace'])}/${text(own['route'] ?? own['host'])} is accepted, and that its host answers where a host without route gets 404.`, look: [`kubectl get httproute ${text(own['route'] ?? own['host'])} -n ${text(own['namespace'])} -o yaml`] }),
  'backend-answers': (own) => ({ does: `It requests ${text(own['path'])} of ${text(own['host'])} through the gateway and finds “${text(own['expect'])}” in the page, from pods behind ${text(own['service'])}:${text(own['port'])}.`, look: [`kubectl get endpointslices -n ${text(own['namespace'])} -l kubernetes.io/service-name=${text(own['service'])}`, `idp open ${text(own['host'])}`] }),
  'metrics-scraped': (own) => ({ does: `It asks Prometheus for the targets of job ${text(own['job'])} and for ${text(own['metric'])}.`, look: ['idp open prometheus'] }),
  'application-metrics': one('It asks Prometheus which pods it scrapes through ServiceMonitors.', 'kubectl get servicemonitors -A'),
  'logs-written': one('It reads the end of a pod’s log through the API server.', 'idp logs argocd/argocd-server --tail 5'),
  'logs-tailed': one('It asks each Fluent Bit how many records it has read from the container logs of its node.', 'kubectl logs -n observability -l app.kubernetes.io/name=fluent-bit --tail 5'),
  'logs-forwarded': one('It finds in Loki what a pod has printed, under that pod’s labels.', 'idp open grafana'),
  'data-source-answers': (own) => ({ does: `It signs in to Grafana and asks data source ${text(own['uid'])} through it.`, look: ['idp open grafana'] }),
}

/** What proves an arrow with this check. */
export function proofOf(check: string | undefined, own: Words = {}): Proof {
  return (check === undefined ? undefined : proofs[check]?.(own)) ?? { does: 'No check has been written for this arrow yet.', look: [] }
}

/** Names of checks that are described here. */
export const provenChecks: readonly string[] = Object.keys(proofs)
