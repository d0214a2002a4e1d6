/**
 * Which live objects stand behind each box of the diagrams. An entry names objects as `Kind namespace/name` (`Kind name` for those of the
 * cluster); `*` at the end of a name stands for any ending, `Kind *` for all, `Kind *[label=value]` for those with a label.
 * Names are those that the charts of the repository give, on both engines.
 */
type Boxes = Readonly<Record<string, readonly string[]>>

const argo = ['StatefulSet argocd/argocd-application-controller', 'Deployment argocd/argocd-applicationset-controller', 'Deployment argocd/argocd-repo-server', 'Deployment argocd/argocd-server']
const kyverno = ['Deployment kyverno-system/kyverno-*']
const reporter = ['Deployment kyverno-system/policy-reporter*']
const externalSecrets = ['Deployment external-secrets-system/external-secrets*']
const vault = ['StatefulSet vault-system/vault']
const cilium = ['DaemonSet kube-system/cilium', 'Deployment kube-system/cilium-operator']
const certManager = ['Deployment cert-manager/cert-manager*']
const prometheus = ['StatefulSet observability/prometheus-prometheus-kube-prometheus-prometheus']
const grafana = ['Deployment observability/prometheus-grafana']
const loki = ['StatefulSet observability/loki']
const fluentBit = ['DaemonSet observability/fluent-bit']
const nodeExporter = ['DaemonSet observability/prometheus-prometheus-node-exporter']
const stateMetrics = ['Deployment observability/prometheus-kube-state-metrics']
const workflows = ['Deployment cicd/argo-workflows-*']
const sonarqube = ['StatefulSet cicd/sonarqube']
const trivy = ['Deployment security/trivy-operator']
const git = ['Deployment git-system/git-server']
const api = ['APIService *']
const gateway = ['Gateway kube-system/idp-gateway']
const wildcard = ['Certificate kube-system/idp-wildcard-cert']
const pools = { infra: ['Node *[node-role=it-infra]'], workloads: ['Node *[node-role=k8s-workloads]'], control: ['Node *[node-role.kubernetes.io/control-plane]'] }
const route = (place: string): readonly string[] => [`HTTPRoute ${place}`]
const service = (place: string): readonly string[] => [`Service ${place}`]
const application = (name: string): readonly string[] => [`Application argocd/${name}`]

export const boxObjects: Readonly<Record<string, Boxes>> = {
  '01-control-backbone': { Cluster: api, Argo: [...argo, 'ApplicationSet argocd/*'], Kyverno: kyverno, ESO: externalSecrets, Vault: vault },
  '02-service-exposure': {
    Gateway: gateway, 'Routes.Argo': route('argocd/argocd'), 'Routes.Grafana': route('observability/grafana'), 'Routes.Vault': route('vault-system/vault'), 'Routes.Workflows': route('cicd/workflows'),
    'Routes.Sonar': route('cicd/sonarqube'), 'Routes.Backstage': route('backstage/backstage'), 'Backends.S1': service('argocd/argocd-server'), 'Backends.S2': service('observability/prometheus-grafana'),
    'Backends.S3': service('vault-system/vault'), 'Backends.S4': service('cicd/argo-workflows-server'), 'Backends.S5': service('cicd/sonarqube'), 'Backends.S6': service('backstage/backstage'),
  },
  '03-bootstrap-flow': {
    'Bootstrap.Step1': ['Node *'], 'Bootstrap.Step2': vault, 'Bootstrap.Step3': ['SecretStore *', 'ClusterSecretStore *'], 'Bootstrap.Step4': argo, 'Bootstrap.Step5': ['ApplicationSet argocd/*'], 'Platform.State': ['Application argocd/*'],
  },
  '04-secret-synchronization': {
    ExternalSecret: ['ExternalSecret observability/grafana-admin-credentials'], ESO: externalSecrets, Vault: vault, K8sSecret: ['Secret observability/grafana-admin-credentials'], Pod: grafana,
  },
  '05-gitops-synchronization': {
    GitRepo: git, 'ArgoCD.Detect': ['Deployment argocd/argocd-applicationset-controller'], 'ArgoCD.Diff': ['Deployment argocd/argocd-repo-server'], 'ArgoCD.Sync': ['StatefulSet argocd/argocd-application-controller'],
    'Kyverno.Validate': ['ValidatingWebhookConfiguration kyverno-resource-validating-webhook-cfg'], 'Kyverno.Mutate': ['MutatingWebhookConfiguration kyverno-resource-mutating-webhook-cfg'], K8sAPI: api, Prometheus: prometheus,
  },
  '06-general-architecture': {
    GitRepo: git, 'K8sCluster.Core.Cilium': cilium, 'K8sCluster.Core.CertManager': certManager, 'K8sCluster.Core.Vault': vault, 'K8sCluster.Core.ESO': externalSecrets, 'K8sCluster.Engines.ArgoCD': argo,
    'K8sCluster.Engines.Kyverno': kyverno, 'K8sCluster.Engines.PolicyReporter': reporter, 'K8sCluster.AppStacks.Observability.Prometheus': prometheus, 'K8sCluster.AppStacks.Observability.Grafana': grafana,
    'K8sCluster.AppStacks.Observability.Loki': loki, 'K8sCluster.AppStacks.Observability.FluentBit': fluentBit, 'K8sCluster.AppStacks.CICD.Workflows': workflows, 'K8sCluster.AppStacks.CICD.SonarQube': sonarqube,
    'K8sCluster.AppStacks.Security.Trivy': trivy, 'K8sCluster.K8sApi': api,
  },
  '07-helm-to-pods': {
    'Bootstrap.H1': application('bootstrap-cilium'), 'Bootstrap.H2': application('bootstrap-vault'), 'Bootstrap.H3': application('bootstrap-argocd'), 'Bootstrap.H4': application('bootstrap-cert-manager'), 'Bootstrap.H5': application('bootstrap-external-secrets'),
    'GitOps.Apps.APP1': application('observability-fluent-bit'), 'GitOps.Apps.APP2': application('observability-loki'), 'GitOps.Apps.APP3': application('observability-kube-prometheus-stack'),
    'GitOps.Apps.APP4': application('cicd-argo-workflows'), 'GitOps.Apps.APP5': application('security-trivy'), 'GitOps.Apps.APP6': application('platform-policies'),
    'K8s.DS1': ['DaemonSet kube-system/cilium'], 'K8s.STS1': vault, 'K8s.DEP1': ['Deployment argocd/argocd-server'], 'K8s.DS2': fluentBit, 'K8s.STS2': loki, 'K8s.STS3': prometheus, 'K8s.DEP2': grafana,
    'K8s.DEP3': ['Deployment cicd/argo-workflows-server'], 'K8s.DEP4': ['Deployment cicd/argo-workflows-workflow-controller'], 'K8s.DEP5': trivy, 'K8s.DEP6': ['Deployment kyverno-system/kyverno-admission-controller'],
  },
  '08-node-pools': {
    'Cluster.Infra': pools.infra, 'Cluster.Apps': pools.workloads, 'Cluster.CP': pools.control, 'Platform.Argo': argo, 'Platform.Vault': vault, 'Platform.Prom': prometheus, 'Platform.Kyv': kyverno,
    'AppWorkloads.Workflows': workflows, 'AppWorkloads.Sonar': sonarqube, 'DS.Cilium': ['DaemonSet kube-system/cilium'], 'DS.Fluent': fluentBit, 'DS.NodeExp': nodeExporter,
  },
  '09-certificate-management': { GW: gateway, CM: certManager, CI: ['ClusterIssuer ca-issuer'], CAS: ['Secret cert-manager/*-ca-secret'], TLS: ['Secret kube-system/idp-wildcard-cert'] },
  '10-secret-management': { App: grafana, K8S: ['Secret observability/grafana-admin-credentials'], ES: ['ExternalSecret *'], ESO: externalSecrets, SS: ['SecretStore *', 'ClusterSecretStore *'], Vault: vault },
  '11-observability-data': {
    'Nodes.App': ['Pod *'], 'Nodes.Kubelet': ['Node *'], 'Nodes.NodeExporter': nodeExporter, 'Nodes.LogFiles': ['Node *'], 'Obs.Prom': prometheus, 'Obs.Loki': loki, 'Obs.Graf': grafana, 'Obs.KSM': stateMetrics, 'Obs.FB': fluentBit,
  },
  '12-trivy-scanning': { User: argo, K8s: api, TrivyOp: trivy, Workload: ['Deployment *'], Report: ['VulnerabilityReport *'] },
  '13-applicationsets': {
    'Git.K8sDir': git, 'Git.Obs': git, 'Git.Sec': git, 'Git.CiCd': git, 'Argo.ASObs': ['ApplicationSet argocd/observability'], 'Argo.ASSec': ['ApplicationSet argocd/security'], 'Argo.ASCi': ['ApplicationSet argocd/cicd'],
    'Argo.AppProm': application('observability-kube-prometheus-stack'), 'Argo.AppGraf': application('observability-grafana'), 'Argo.AppLoki': application('observability-loki'), 'Argo.AppTrivy': application('security-trivy'),
  },
  '14-gateway-exposure': {
    'GatewayNS.Gateway': gateway, 'GatewayNS.Cert': wildcard, 'Routes.HR1': route('argocd/argocd'), 'Routes.HR2': route('observability/grafana'), 'Routes.HR3': route('vault-system/vault'), 'Routes.HR4': route('cicd/workflows'), 'Routes.HR5': route('cicd/sonarqube'),
    'Backends.S1': service('argocd/argocd-server'), 'Backends.S2': service('observability/prometheus-grafana'), 'Backends.S3': service('vault-system/vault'), 'Backends.S4': service('cicd/argo-workflows-server'), 'Backends.S5': service('cicd/sonarqube'),
  },
  '15-control-loops': { K8s: api, 'GitOps.Argo': argo, 'Policy.Kyverno': kyverno, 'Secrets.ESO': externalSecrets },
}
