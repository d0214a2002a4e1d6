import type { OsvRecord } from '../engine/advisory.ts'

/** The day every row was last compared with its sources. */
export const seedDate = '2026-11-22'

type Row = readonly [id: string, packages: string, ranges: string, severity: string, score: number | undefined, published: string | undefined, sources: string, title: string]

/**
 * Well-known advisories of the products that this platform runs and of common base images; each was compared with the records in `sources`:
 * `CVE` the record at cve.org, `GO-…` Go's vulnerability database, `BIT-…` Bitnami's, `GHSA-…` GitHub's, `DEB` the changelog of Debian's package.
 * The score is the CVSS 3 base score of the vector there. What no source at hand told is absent: a date, or the severity (`UNKNOWN`).
 * `packages` as `ecosystem/name`, several by space; a range is `introduced..fixed` or `introduced..=last`; several by space.
 */
const rows: readonly Row[] = [
  ['CVE-2021-23017', 'Bitnami/nginx', '0.6.18..1.20.1', 'HIGH', 7.7, undefined, 'BIT-nginx-2021-23017 CVE', 'nginx: off-by-one write in the resolver with a crafted DNS answer'],
  ['CVE-2022-41741', 'Bitnami/nginx', '1.1.3..1.22.1 1.23.0..1.23.2', 'HIGH', 7, '2022-10-19', 'BIT-nginx-2022-41741 CVE', 'nginx: memory corruption in ngx_http_mp4_module'],
  ['CVE-2022-41742', 'Bitnami/nginx', '1.1.3..1.22.1 1.23.0..1.23.2', 'HIGH', 7.1, '2022-10-19', 'BIT-nginx-2022-41742 CVE', 'nginx: memory disclosure in ngx_http_mp4_module'],
  ['CVE-2023-44487', 'Bitnami/nginx', '1.9.5..1.25.3', 'HIGH', 7.5, undefined, 'BIT-nginx-2023-44487', 'HTTP/2: rapid reset lets clients exhaust a server'],
  ['CVE-2024-24989', 'Bitnami/nginx', '1.25.3..1.25.4', 'HIGH', 7.5, undefined, 'BIT-nginx-2024-24989', 'nginx: null pointer dereference in HTTP/3'],
  ['CVE-2024-24990', 'Bitnami/nginx', '1.25.0..1.25.4', 'HIGH', 7.5, undefined, 'BIT-nginx-2024-24990', 'nginx: use after free in HTTP/3'],
  ['CVE-2024-7347', 'Bitnami/nginx', '1.5.13..1.26.2 1.27.0..1.27.1', 'MEDIUM', 4.7, '2024-08-14', 'BIT-nginx-2024-7347 CVE', 'nginx: buffer overread in ngx_http_mp4_module'],
  ['CVE-2025-23419', 'Bitnami/nginx', '1.11.4..1.26.3 1.27.0..1.27.4', 'MEDIUM', 4.3, '2025-02-05', 'BIT-nginx-2025-23419 CVE', 'nginx: TLS session resumption bypasses client certificate authentication'],
  ['CVE-2025-53859', 'Bitnami/nginx', '0.7.0..1.29.1', 'LOW', 3.7, '2025-08-13', 'BIT-nginx-2025-53859 CVE', 'nginx: buffer overread in ngx_mail_smtp_module'],
  ['CVE-2021-41773', 'Bitnami/apache', '2.4.49..2.4.50', 'CRITICAL', 9.8, undefined, 'BIT-apache-2021-41773', 'httpd: path traversal and file disclosure'],
  ['CVE-2021-42013', 'Bitnami/apache', '2.4.49..2.4.51', 'CRITICAL', 9.8, undefined, 'BIT-apache-2021-42013', 'httpd: path traversal and remote code execution, incomplete fix of CVE-2021-41773'],
  ['CVE-2025-24813', 'Bitnami/tomcat', '8.5.0..=8.5.100 9.0.0-M1..9.0.99 10.1.0-M1..10.1.35 11.0.0-M1..11.0.3', 'CRITICAL', 9.8, '2025-03-10', 'BIT-tomcat-2025-24813 CVE', 'tomcat: partial PUT may lead to remote code execution or information disclosure'],
  ['CVE-2023-41056', 'Bitnami/redis', '7.0.9..7.0.15 7.2.0..7.2.4', 'HIGH', 8.1, undefined, 'BIT-redis-2023-41056', 'redis: heap overflow when buffers are resized'],
  ['CVE-2024-31449', 'Bitnami/redis', '2.6.0..6.2.16 7.0.0..7.2.6 7.3.0..7.4.1', 'HIGH', 7, '2024-10-07', 'BIT-redis-2024-31449 CVE', 'redis: stack overflow in the Lua bit library'],
  ['CVE-2025-21605', 'Bitnami/redis', '2.6.0..6.2.18 7.0.0..7.2.8 7.4.0..7.4.3', 'HIGH', 7.5, '2025-04-23', 'BIT-redis-2025-21605 CVE', 'redis: output buffers of unauthenticated clients grow without limit'],
  ['CVE-2025-49844', 'Bitnami/redis', '0..6.2.20 7.0.0..7.2.11 7.3.0..7.4.6 8.0.0..8.0.4 8.1.0..8.2.2', 'CRITICAL', 9.9, undefined, 'BIT-redis-2025-49844', 'redis: Lua use after free may lead to remote code execution'],
  ['CVE-2024-0985', 'Bitnami/postgresql', '12.0.0..12.18.0 13.0.0..13.14.0 14.0.0..14.11.0 15.0.0..15.6.0', 'HIGH', 8, undefined, 'BIT-postgresql-2024-0985', 'postgresql: REFRESH MATERIALIZED VIEW CONCURRENTLY runs SQL as its caller'],
  ['CVE-2024-10979', 'Bitnami/postgresql', '0..12.21.0 13.0.0..13.17.0 14.0.0..14.14.0 15.0.0..15.9.0 16.0.0..16.5.0 17.0.0..17.1.0', 'HIGH', 8.8, '2024-11-14', 'BIT-postgresql-2024-10979 CVE', 'postgresql: PL/Perl changes of environment variables run code'],
  ['CVE-2025-1094', 'Bitnami/postgresql', '0..13.19.0 14.0.0..14.16.0 15.0.0..15.11.0 16.0.0..16.7.0 17.0.0..17.3.0', 'HIGH', 8.1, undefined, 'BIT-postgresql-2025-1094', 'postgresql: quoting functions miss invalid encodings, SQL injection in psql'],
  ['CVE-2025-8714', 'Bitnami/postgresql', '0..13.22.0 14.0.0..14.19.0 15.0.0..15.14.0 16.0.0..16.10.0 17.0.0..17.6.0', 'HIGH', 8.8, undefined, 'BIT-postgresql-2025-8714', 'postgresql: pg_dump lets a superuser of the origin run code in the restoring psql'],
  ['CVE-2025-8715', 'Bitnami/postgresql', '11.20.0..13.22.0 14.0.0..14.19.0 15.0.0..15.14.0 16.0.0..16.10.0 17.0.0..17.6.0', 'HIGH', 8.8, undefined, 'BIT-postgresql-2025-8715', 'postgresql: newlines in object names run code in the restoring psql'],
  ['CVE-2024-22019', 'Bitnami/node', '0..18.19.1 19.0.0..20.11.1 21.0.0..21.6.2', 'HIGH', 7.5, undefined, 'BIT-node-2024-22019', 'nodejs: unbounded chunk extensions exhaust an HTTP server'],
  ['CVE-2024-27983', 'Bitnami/node', '0..18.20.1 19.0.0..20.12.1 21.0.0..21.7.2', 'HIGH', 8.2, undefined, 'BIT-node-2024-27983', 'nodejs: HTTP/2 CONTINUATION frames crash the server'],
  ['CVE-2025-23083', 'Bitnami/node', '20.0.0..20.18.2 22.0.0..22.13.1 23.0.0..23.6.1', 'HIGH', 7.7, '2025-01-22', 'BIT-node-2025-23083 CVE', 'nodejs: the permission model is bypassed by internal workers'],
  ['CVE-2025-23166', 'Bitnami/node', '0..20.19.2 21.0.0..22.15.1 23.0.0..23.11.1 24.0.0..24.0.2', 'HIGH', 7.5, '2025-05-19', 'BIT-node-2025-23166 CVE', 'nodejs: errors of background cryptography crash the process'],
  ['CVE-2023-40217', 'Bitnami/python', '0..3.8.18 3.9.0..3.9.18 3.10.0..3.10.13 3.11.0..3.11.5', 'MEDIUM', 5.3, undefined, 'BIT-python-2023-40217', 'python: TLS handshake of ssl.SSLSocket bypassed'],
  ['CVE-2024-6232', 'Bitnami/python', '0..3.8.20 3.9.0..3.9.20 3.10.0..3.10.15 3.11.0..3.11.10 3.12.0..3.12.6', 'HIGH', 7.5, undefined, 'BIT-python-2024-6232', 'python: regular expression denial of service in tarfile'],
  ['CVE-2025-4517', 'Bitnami/python', '0..3.9.23 3.10.0..3.10.18 3.11.0..3.11.13 3.12.0..3.12.11 3.13.0..3.13.4', 'CRITICAL', 9.4, undefined, 'BIT-python-2025-4517', 'python: tarfile writes outside the extraction directory with filter="data"'],
  ['CVE-2021-42386', 'Bitnami/busybox', '0..1.34.0', 'UNKNOWN', undefined, '2021-11-15', 'CVE', 'busybox: use after free in awk'],
  ['CVE-2024-23897', 'Bitnami/jenkins', '1.606.0..2.426.3 2.427.0..2.440.1 2.441.0..2.442.0', 'CRITICAL', 9.8, '2024-01-24', 'BIT-jenkins-2024-23897 CVE', 'jenkins: the CLI reads arbitrary files'],
  ['CVE-2025-1974', 'Go/k8s.io/ingress-nginx', '0..1.11.5 1.12.0-beta.0..1.12.1', 'CRITICAL', 9.8, '2025-03-24', 'GO-2025-3567 CVE', 'ingress-nginx: configuration injection in the admission controller, unauthenticated remote code execution'],
  ['CVE-2025-1097', 'Go/k8s.io/ingress-nginx', '0..1.11.5 1.12.0-beta.0..1.12.1', 'HIGH', 8.8, '2025-03-24', 'GO-2025-3565 CVE', 'ingress-nginx: configuration injection through auth-tls-match-cn'],
  ['CVE-2025-1098', 'Go/k8s.io/ingress-nginx', '0..1.11.5 1.12.0-beta.0..1.12.1', 'HIGH', 8.8, '2025-03-24', 'GO-2025-3568 CVE', 'ingress-nginx: configuration injection through mirror annotations'],
  ['CVE-2025-24514', 'Go/k8s.io/ingress-nginx', '0..1.11.5 1.12.0-beta.0..1.12.1', 'HIGH', 8.8, '2025-03-24', 'GO-2025-3566 CVE', 'ingress-nginx: configuration injection through auth-url'],
  ['CVE-2025-30215', 'Go/github.com/nats-io/nats-server/v2', '2.2.0..2.10.27 2.11.0..2.11.1', 'CRITICAL', 9.6, undefined, 'GO-2025-3600 BIT-nats-2025-30215', 'nats-server: JetStream management requests miss access checks'],
  ['CVE-2025-47950', 'Go/github.com/coredns/coredns', '0..1.12.2', 'HIGH', 7.5, '2025-06-06', 'GO-2025-3743 CVE', 'coredns: DNS over QUIC streams exhaust memory'],
  ['CVE-2025-58063', 'Go/github.com/coredns/coredns', '1.2.0..1.12.4', 'HIGH', 7.1, '2025-09-09', 'GO-2025-3942 CVE', 'coredns: etcd plugin takes lease ids for times to live'],
  ['CVE-2022-39222', 'Bitnami/dex', '0..2.35.0', 'CRITICAL', 9.3, '2022-10-06', 'CVE', 'dex: authorization codes can be stolen with public clients'],
  ['CVE-2022-29165', 'Go/github.com/argoproj/argo-cd/v2', '0..2.1.15 2.2.0..2.2.9 2.3.0..2.3.4', 'CRITICAL', 10, '2022-05-20', 'GO-2022-0455 CVE', 'argo-cd: anonymous users may impersonate any user'],
  ['CVE-2024-31989', 'Go/github.com/argoproj/argo-cd/v2', '0..2.8.19 2.9.0-rc1..2.9.15 2.10.0-rc1..2.10.10 2.11.0-rc1..2.11.1', 'CRITICAL', 9, '2024-05-21', 'GO-2024-2877 CVE', 'argo-cd: the Redis server has no password, which lets pods raise their rights'],
  ['CVE-2025-47933', 'Go/github.com/argoproj/argo-cd/v2', '2.0.0-rc3..2.13.8 2.14.0-rc1..2.14.13', 'CRITICAL', 9, '2025-05-29', 'GO-2025-3720 CVE', 'argo-cd: cross-site scripting on the repositories page'],
  ['CVE-2025-47933', 'Go/github.com/argoproj/argo-cd/v3', '3.0.0-rc1..3.0.4', 'CRITICAL', 9, '2025-05-29', 'GO-2025-3720 CVE', 'argo-cd: cross-site scripting on the repositories page'],
  ['CVE-2025-55190', 'Go/github.com/argoproj/argo-cd/v2', '2.13.0..2.13.9 2.14.0..2.14.16', 'CRITICAL', 9.9, undefined, 'GO-2025-3934 BIT-argo-cd-2025-55190', 'argo-cd: project tokens read repository credentials'],
  ['CVE-2025-55190', 'Go/github.com/argoproj/argo-cd/v3', '3.0.0..3.0.14 3.1.0-rc1..3.1.2', 'CRITICAL', 9.9, undefined, 'GO-2025-3934 BIT-argo-cd-2025-55190', 'argo-cd: project tokens read repository credentials'],
  ...(['v2', 'v3'] as const).flatMap((major): Row[] => {
    const ranges = major === 'v2' ? '0..2.14.20' : '3.0.0-rc1..3.0.19 3.1.0-rc1..3.1.8 3.2.0-rc1..3.2.0-rc2'
    return [
      ['CVE-2025-59531', `Go/github.com/argoproj/argo-cd/${major}`, ranges, 'HIGH', 7.5, undefined, 'GO-2025-3993 BIT-argo-cd-2025-59531', 'argo-cd: an unauthenticated Bitbucket Server webhook crashes the API server'],
      ['CVE-2025-59537', `Go/github.com/argoproj/argo-cd/${major}`, ranges, 'HIGH', 7.5, undefined, 'GO-2025-3996 BIT-argo-cd-2025-59537', 'argo-cd: an unauthenticated Gogs webhook crashes the API server'],
    ]
  }),
  ['CVE-2025-62156', 'Go/github.com/argoproj/argo-workflows/v3', '0..3.6.12 3.7.0..3.7.3', 'HIGH', 8.1, '2025-10-14', 'GO-2025-4023 CVE', 'argo-workflows: artifacts are unpacked outside their directory'],
  ['CVE-2025-66626', 'Go/github.com/argoproj/argo-workflows/v3', '0..3.6.14 3.7.0..3.7.5', 'HIGH', 8.1, '2025-12-09', 'GO-2025-4223 CVE', 'argo-workflows: symbolic links in artifacts bypass the fix of CVE-2025-62156'],
  ['CVE-2025-32445', 'Go/github.com/argoproj/argo-events', '0..1.9.6', 'CRITICAL', 9.9, '2025-04-15', 'GO-2025-3608 CVE', 'argo-events: EventSource and Sensor containers may be made privileged'],
  ['CVE-2025-46342', 'Go/github.com/kyverno/kyverno', '0..1.13.5 1.14.0-alpha.1..1.14.0', 'HIGH', 8.5, '2025-04-30', 'GO-2025-3652 CVE', 'kyverno: policies with namespace selectors may be bypassed'],
  ['CVE-2025-47281', 'Go/github.com/kyverno/kyverno', '0..1.14.2', 'HIGH', 7.7, '2025-07-23', 'GO-2025-3823 CVE', 'kyverno: JMESPath substitution crashes the controllers'],
  ['CVE-2024-12401', 'Go/github.com/cert-manager/cert-manager', '0..1.12.14 1.13.0-alpha.0..1.15.4 1.16.0-alpha.0..1.16.2', 'MEDIUM', 4.4, '2024-12-12', 'GO-2024-3282 CVE', 'cert-manager: crafted PEM data takes long to parse'],
  ['CVE-2024-45041', 'Go/github.com/external-secrets/external-secrets', '0..0.10.2', 'HIGH', 8.3, '2024-09-09', 'GO-2024-3126 CVE', 'external-secrets: the cert-controller may read every Secret'],
  ['CVE-2025-6000', 'Go/github.com/hashicorp/vault', '0.8.0..1.20.1', 'CRITICAL', 9.1, undefined, 'GO-2025-3838 BIT-vault-2025-6000', 'vault: privileged operators may run code on the host through the plugin directory'],
  ['CVE-2025-6037', 'Go/github.com/hashicorp/vault', '0..1.20.1', 'MEDIUM', 6.8, undefined, 'GO-2025-3836 BIT-vault-2025-6037', 'vault: the certificate auth method does not check the common name of non-CA certificates'],
  ['CVE-2025-6203', 'Go/github.com/hashicorp/vault', '1.15.0..1.20.3', 'HIGH', 7.5, '2025-08-28', 'GO-2025-3924 BIT-vault-2025-6203 CVE', 'vault: complex JSON payloads exhaust the server'],
  ['CVE-2025-12044', 'Go/github.com/hashicorp/vault', '1.20.3..1.21.0', 'HIGH', 7.5, '2025-10-23', 'GO-2025-4071 CVE', 'vault: JSON is parsed before rate limits apply, unauthenticated denial of service'],
  ['CVE-2025-11621', 'Go/github.com/hashicorp/vault', '0.6.0..1.21.0', 'HIGH', 8.1, undefined, 'GO-2025-4070 BIT-vault-2025-11621', 'vault: the AWS auth method may be bypassed across accounts'],
  ['CVE-2025-64715', 'Go/github.com/cilium/cilium', '0..1.16.17 1.17.0..1.17.10 1.18.0..1.18.4', 'MEDIUM', 4, '2025-11-29', 'GO-2025-4167 CVE', 'cilium: egress.toGroups with security group ids allows more than it says'],
  ['CVE-2024-47825', 'Go/github.com/cilium/cilium', '1.14.0..1.14.16 1.15.0..1.15.10', 'MEDIUM', 4, '2024-10-21', 'GO-2024-3208 CVE', 'cilium: a CIDR deny policy may be left out'],
  ['CVE-2021-43798', 'Bitnami/grafana', '8.0.0-beta1..8.0.7 8.1.0..8.1.8 8.2.0..8.2.7 8.3.0..8.3.1', 'HIGH', 7.5, undefined, 'BIT-grafana-2021-43798 CVE', 'grafana: directory traversal reads local files'],
  ['CVE-2023-3128', 'Bitnami/grafana', '6.7.0..8.5.27 9.2.0..9.2.20 9.3.0..9.3.16 9.4.0..9.4.13 9.5.0..9.5.4', 'CRITICAL', 9.4, '2023-06-22', 'BIT-grafana-2023-3128 CVE', 'grafana: account takeover through the Azure AD e-mail claim'],
  ['CVE-2025-4123', 'Bitnami/grafana', '0..10.4.19 11.0.0..11.2.10 11.3.0..11.3.7 11.4.0..11.4.5 11.5.0..11.5.5 11.6.0..11.6.2 12.0.0..12.0.1', 'HIGH', 7.6, '2025-05-22', 'BIT-grafana-2025-4123 CVE', 'grafana: client path traversal and open redirect lead to cross-site scripting'],
  ['CVE-2021-36156', 'Bitnami/grafana-loki', '0..2.3.0', 'UNKNOWN', undefined, '2021-08-03', 'CVE', 'loki: the tenant header may traverse directories of rule files'],
  ['CVE-2021-29622', 'Bitnami/prometheus', '2.23.0..2.26.1 2.27.0..2.27.1', 'MEDIUM', 6.1, undefined, 'BIT-prometheus-2021-29622', 'prometheus: open redirect below /new'],
  ['CVE-2022-46146', 'Bitnami/prometheus', '2.24.1..2.37.4 2.38.0..2.40.4', 'HIGH', 7.2, '2022-11-29', 'GHSA-4v48-4q5m-8vx4 CVE', 'prometheus: whoever knows a hashed password may pass basic authentication'],
  ['CVE-2023-40577', 'Go/github.com/prometheus/alertmanager', '0..0.25.1', 'MEDIUM', 5.4, undefined, 'GO-2023-2020 BIT-alertmanager-2023-40577', 'alertmanager: stored cross-site scripting through the alerts API'],
  ['CVE-2024-4323', 'Bitnami/fluent-bit', '2.0.7..3.0.4', 'CRITICAL', 9.8, undefined, 'BIT-fluent-bit-2024-4323', 'fluent-bit: memory corruption in the trace endpoint of the built-in HTTP server'],
  ['CVE-2025-12969', 'Bitnami/fluent-bit', '4.1.0..4.1.1', 'MEDIUM', 6.5, '2025-11-24', 'BIT-fluent-bit-2025-12969 CVE', 'fluent-bit: in_forward skips authentication when only users are set'],
  ['CVE-2025-12970', 'Bitnami/fluent-bit', '4.1.0..4.1.1', 'HIGH', 8.8, undefined, 'BIT-fluent-bit-2025-12970', 'fluent-bit: stack overflow in in_docker with long container names'],
  ['CVE-2025-12972', 'Bitnami/fluent-bit', '4.1.0..4.1.1', 'MEDIUM', 5.3, undefined, 'BIT-fluent-bit-2025-12972', 'fluent-bit: out_file takes file names from tags without cleaning them'],
  ['CVE-2025-12977', 'Bitnami/fluent-bit', '4.1.0..4.1.1', 'CRITICAL', 9.1, '2025-11-24', 'BIT-fluent-bit-2025-12977 CVE', 'fluent-bit: tag_key values are not checked'],
  ['CVE-2024-38460', 'Bitnami/sonarqube', '0..9.9.4 10.0.0..10.4.0', 'MEDIUM', 4.9, '2024-06-16', 'CVE', 'sonarqube: encrypted settings appear readable in the URLs of logs'],
  // Packages of software bills of materials (mounted by the user): distributions and languages.
  ['CVE-2023-38545', 'Debian:12/curl', '0..7.88.1-10+deb12u4', 'UNKNOWN', undefined, '2023-10-18', 'DEB CVE', 'curl: heap overflow in the SOCKS5 proxy handshake'],
  ['CVE-2023-4863', 'Debian:12/libwebp', '0..1.2.4-0.2+deb12u1', 'CRITICAL', undefined, '2023-09-12', 'DEB CVE', 'libwebp: heap overflow in the lossless decoder'],
  ['CVE-2023-4911', 'Debian:12/glibc', '0..2.36-9+deb12u3', 'HIGH', 7.8, '2023-10-03', 'DEB CVE', 'glibc: buffer overflow in ld.so with GLIBC_TUNABLES'],
  ['CVE-2024-6387', 'Debian:12/openssh', '0..1:9.2p1-2+deb12u3', 'HIGH', 8.1, '2024-07-01', 'DEB CVE', 'openssh: race in the signal handler of sshd, remote code execution'],
  ['CVE-2021-23337', 'npm/lodash', '0..4.17.21', 'HIGH', 7.2, '2021-02-15', 'CVE', 'lodash: command injection through template'],
  ['CVE-2021-44906', 'npm/minimist', '0..0.2.4 1.0.0..1.2.6', 'CRITICAL', 9.8, '2022-03-17', 'GHSA-xvch-5gv4-984h CVE', 'minimist: prototype pollution'],
  ['CVE-2024-45337', 'Go/golang.org/x/crypto', '0..0.31.0', 'UNKNOWN', undefined, '2024-12-11', 'GO-2024-3321 CVE', 'golang.org/x/crypto: misuse of PublicKeyCallback may bypass authorization'],
]

/** Where a source can be read. */
function urlOf(source: string, id: string): string {
  if (source === 'CVE') return `https://www.cve.org/CVERecord?id=${id}`
  if (source === 'DEB') return `https://security-tracker.debian.org/tracker/${id}`
  if (source.startsWith('GO-')) return `https://pkg.go.dev/vuln/${source}`
  if (source.startsWith('GHSA-')) return `https://github.com/advisories/${source}`
  return `https://github.com/bitnami/vulndb/blob/main/data/${source.slice('BIT-'.length, -id.slice('CVE'.length).length)}/${source}.json`
}

/** The seed as OSV records. */
export function seedRecords(): OsvRecord[] {
  return rows.map(([id, packages, ranges, severity, score, published, sources, summary]) => ({
    id, summary, ...(published === undefined ? {} : { published: `${published}T00:00:00Z` }), modified: `${seedDate}T00:00:00Z`,
    database_specific: { severity, ...(score === undefined ? {} : { score }) },
    references: sources.split(' ').map((source) => ({ type: 'ADVISORY', url: urlOf(source, id) })),
    affected: packages.split(' ').map((name) => ({
      package: { ecosystem: name.slice(0, name.indexOf('/')), name: name.slice(name.indexOf('/') + 1) },
      ranges: ranges.split(' ').map((range) => {
        const [introduced = '0', end = ''] = range.split('..')
        return { type: 'ECOSYSTEM', events: [{ introduced }, end.startsWith('=') ? { last_affected: end.slice(1) } : { fixed: end }] }
      }),
    })),
  }))
}
