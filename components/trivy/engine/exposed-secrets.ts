import type { Severity } from './advisory.ts'
import type { ContainerShape } from './pod-shape.ts'

/** A secret found in the open, without its value. */
export interface ExposedSecret { readonly ruleID: string; readonly title: string; readonly category: string; readonly severity: Severity; readonly target: string; readonly match: string }

type Rule = readonly [id: string, category: string, title: string, severity: Severity, pattern: RegExp]

/** Formats that the issuers of these tokens publish. */
const rules: readonly Rule[] = [
  ['aws-access-key-id', 'AWS', 'AWS Access Key ID', 'CRITICAL', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['github-pat', 'GitHub', 'GitHub Personal Access Token', 'CRITICAL', /\bghp_[0-9a-zA-Z]{36}\b/],
  ['github-fine-grained-pat', 'GitHub', 'GitHub Fine-grained personal access tokens', 'CRITICAL', /\bgithub_pat_[a-zA-Z0-9_]{82}\b/],
  ['github-app-token', 'GitHub', 'GitHub App Token', 'CRITICAL', /\bgh[us]_[0-9a-zA-Z]{36}\b/],
  ['gitlab-pat', 'GitLab', 'GitLab Personal Access Token', 'CRITICAL', /\bglpat-[0-9a-zA-Z_-]{20}\b/],
  ['private-key', 'AsymmetricPrivateKey', 'Asymmetric Private Key', 'HIGH', /-----BEGIN (?:RSA |EC |DSA |OPENSSH )?PRIVATE KEY( BLOCK)?-----/],
  ['slack-access-token', 'Slack', 'Slack token', 'HIGH', /\bxox[baprs]-[0-9a-zA-Z-]{10,48}/],
  ['slack-web-hook', 'Slack', 'Slack Webhook', 'MEDIUM', /https:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9+/]{43,46}/],
  ['stripe-secret-token', 'Stripe', 'Stripe Secret Key', 'CRITICAL', /\bsk_(?:test|live)_[0-9a-zA-Z]{10,99}\b/],
  ['npm-access-token', 'Npm', 'npm access token', 'CRITICAL', /\bnpm_[0-9a-zA-Z]{36}\b/],
  ['hashicorp-vault-token', 'HashiCorp', 'Vault service token', 'CRITICAL', /\bhvs\.[0-9a-zA-Z_-]{24,}\b/],
  ['jwt-token', 'JWT', 'JWT token', 'MEDIUM', /\bey[a-zA-Z0-9]{17,}\.ey[a-zA-Z0-9/_-]{17,}\.[a-zA-Z0-9/_-]{10,}/],
  ['url-password', 'URL', 'Password in a URL', 'HIGH', /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@$]+:[^\s:/@$]{3,}@/i],
]

/** Variables that are called a secret and given a literal value. */
const secretName = /(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY)$/i

/** Secrets in a container's environment, command and arguments. References to Secrets and to other variables are none. */
export function findSecrets({ env = [], command = [], args = [] }: ContainerShape): ExposedSecret[] {
  const texts = [...env.map(({ name, value = '' }) => [`env ${name}`, value] as const), ...command.map((text, i) => [`command[${i}]`, text] as const), ...args.map((text, i) => [`args[${i}]`, text] as const)]
  return texts.flatMap(([target, text]) => {
    const found = rules.flatMap(([ruleID, category, title, severity, pattern]): ExposedSecret[] => {
      const [hit] = pattern.exec(text) ?? []
      return hit === undefined ? [] : [{ ruleID, category, title, severity, target, match: text.replaceAll(hit, '*'.repeat(Math.min(hit.length, 20))).slice(0, 120) }]
    })
    const name = target.startsWith('env ') ? target.slice(4) : ''
    if (found.length === 0 && secretName.test(name) && text.length >= 6 && !text.includes('$(') && !/^(?:\/|\.\/|https?:)/.test(text)) return [{ ruleID: 'literal-secret', category: 'General', title: 'Literal value of a variable that is named a secret', severity: 'MEDIUM', target, match: `${name}=********` }]
    return found
  })
}
