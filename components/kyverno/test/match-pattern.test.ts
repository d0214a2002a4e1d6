import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { matchPattern } from '../engine/match-pattern.ts'

const pod = (containers: Json, extra: Record<string, Json> = {}): Json => ({ metadata: { labels: { app: 'web', 'example.org/team': 'a' } }, spec: { containers, ...extra } })
const rows: readonly (readonly [name: string, pattern: Json, value: Json, want: 'pass' | 'fail' | 'skip'])[] = [
  ['a label that must not be empty', { metadata: { labels: { app: '?*' } } }, pod([]), 'pass'],
  ['a label that is absent', { metadata: { labels: { owner: '?*' } } }, pod([]), 'fail'],
  ['every element of a list', { spec: { containers: [{ image: '!*:latest' }] } }, pod([{ image: 'a:1' }, { image: 'b:latest' }]), 'fail'],
  ['alternatives', { spec: { containers: [{ image: 'a:* | b:*' }] } }, pod([{ image: 'a:1' }, { image: 'b:2' }]), 'pass'],
  ['both', { spec: { containers: [{ image: '*:* & !*:latest' }] } }, pod([{ image: 'a:1' }]), 'pass'],
  ['quantities', { spec: { containers: [{ resources: { limits: { memory: '<=1Gi' } } }] } }, pod([{ resources: { limits: { memory: '512Mi' } } }]), 'pass'],
  ['too large a quantity', { spec: { containers: [{ resources: { limits: { memory: '<=1Gi' } } }] } }, pod([{ resources: { limits: { memory: '2Gi' } } }]), 'fail'],
  ['a range', { spec: { replicas: '1-5' } }, { spec: { replicas: 3 } }, 'pass'],
  ['outside a range', { spec: { replicas: '1-5' } }, { spec: { replicas: 9 } }, 'fail'],
  ['equality anchor on something absent', { spec: { '=(securityContext)': { runAsNonRoot: true } } }, pod([]), 'pass'],
  ['equality anchor on something there', { spec: { '=(hostNetwork)': false } }, pod([], { hostNetwork: true }), 'fail'],
  ['negation', { spec: { 'X(hostPID)': 'null' } }, pod([], { hostPID: true }), 'fail'],
  ['a condition that holds', { spec: { containers: [{ '(image)': '*:latest', imagePullPolicy: 'Always' }] } }, pod([{ image: 'a:latest', imagePullPolicy: 'Never' }]), 'fail'],
  ['a condition that holds for some', { spec: { containers: [{ '(image)': '*:latest', imagePullPolicy: 'Always' }] } }, pod([{ image: 'a:1' }, { image: 'b:latest', imagePullPolicy: 'Always' }]), 'pass'],
  ['a condition that never holds', { spec: { containers: [{ '(image)': '*:latest', imagePullPolicy: 'Always' }] } }, pod([{ image: 'a:1' }]), 'skip'],
  ['existence', { spec: { '^(containers)': [{ name: 'proxy' }] } }, pod([{ name: 'a' }, { name: 'proxy' }]), 'pass'],
  ['no such element', { spec: { '^(containers)': [{ name: 'proxy' }] } }, pod([{ name: 'a' }]), 'fail'],
  ['wildcard in a key', { metadata: { labels: { 'example.org/*': 'a' } } }, pod([]), 'pass'],
]
for (const [name, pattern, value, want] of rows) test(name, () => assert.equal(matchPattern(pattern, value).type, want))
