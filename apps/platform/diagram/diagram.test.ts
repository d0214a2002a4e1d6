import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { worldOf } from '../doctor/world.ts'
import { diagramFormats, diagramViews, drawView } from './views.ts'

const objects = parseYamlDocuments(`
kind: Gateway
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: edge, namespace: net }
status: { conditions: [{ type: Programmed, status: 'True' }] }
---
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: web, namespace: shop }
spec: { hostnames: ['a"b.example'], parentRefs: [{ name: edge, namespace: net }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }
status: { parents: [{ conditions: [{ type: Accepted, status: 'True' }] }] }
---
kind: Service
apiVersion: v1
metadata: { name: web, namespace: shop }
spec: { selector: { app: web } }
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
endpoints: [{ conditions: { ready: true } }]
---
kind: Pod
apiVersion: v1
metadata: { name: web-1, namespace: shop, labels: { app: web }, annotations: { idp.dev/stand-in: simulated }, ownerReferences: [{ kind: StatefulSet, name: web, controller: true }] }
status: { phase: Running, conditions: [{ type: Ready, status: 'True' }] }
---
kind: Application
apiVersion: argoproj.io/v1alpha1
metadata: { name: shop, namespace: argocd }
spec: { source: { repoURL: 'https://me:pass@git.example/platform.git' } }
status: { sync: { status: Synced }, health: { status: Healthy }, resources: [{ kind: StatefulSet, name: web, namespace: shop, health: { status: Healthy } }] }
`).map((document) => document.value as unknown as AnyObject)
const world = worldOf({ objects, now: 0 })

test('traffic as D2, names escaped and the simulated pod marked', () => {
  assert.equal(diagramFormats.d2(drawView(world, 'traffic')), `# Traffic: from the gateway to the pods
direction: right

"net": {
  "Gateway net/edge": "edge\\nGateway" {
    style.fill: "#d7f5dd"
  }
}
"shop": {
  "HTTPRoute shop/web": "web\\na\\"b.example" {
    style.fill: "#d7f5dd"
  }
  "Pod shop/web-1": "web-1\\nPod\\n(simulated)" {
    style.fill: "#d7f5dd"
    style.stroke-dash: 4
  }
  "Service shop/web": "web\\nService" {
    style.fill: "#d7f5dd"
  }
}

"net"."Gateway net/edge" -> "shop"."HTTPRoute shop/web"
"shop"."HTTPRoute shop/web" -> "shop"."Service shop/web": ":80"
"shop"."Service shop/web" -> "shop"."Pod shop/web-1"
`)
})

test('traffic as Mermaid', () => {
  const lines = diagramFormats.mermaid(drawView(world, 'traffic')).split('\n').filter((line) => !line.includes('classDef'))
  assert.deepEqual(lines, [
    '---', 'title: "Traffic: from the gateway to the pods"', '---', 'flowchart LR', '  subgraph g0["net"]', '    n0["edge<br/>Gateway"]:::healthy', '  end', '  subgraph g1["shop"]',
    '    n1["web<br/>a#34;b.example"]:::healthy', '    n2["web-1<br/>Pod<br/>(simulated)"]:::healthySimulated', '    n3["web<br/>Service"]:::healthy', '  end',
    '  n0 --> n1', '  n1 -->|":80"| n3', '  n3 --> n2', '',
  ])
})

test('traffic as SVG: a box for each node and a path for each arrow, left to right', () => {
  const svg = diagramFormats.svg(drawView(world, 'traffic'))
  assert.equal(svg.match(/<rect [^>]*rx="6"/g)?.length, 4)
  assert.equal(svg.match(/marker-end/g)?.length, 3)
  assert.match(svg, /a&#34;b\.example/)
  const places = [...svg.matchAll(/<rect x="(\d+)"[^>]*rx="6"/g)].map((match) => Number(match[1])).toSorted((a, b) => a - b)
  assert.equal(new Set(places).size, 4)
})

test('the order of the objects does not matter, and no password is drawn', () => {
  const other = worldOf({ objects: objects.toReversed(), now: 0 })
  for (const view of diagramViews) for (const write of Object.values(diagramFormats)) assert.equal(write(drawView(other, view)), write(drawView(world, view)), view)
  assert.ok(diagramViews.every((view) => !diagramFormats.d2(drawView(world, view)).includes('pass@')))
})

test('one Application: what Git gives it, and what came of that', () => {
  const { edges } = drawView(world, 'application', 'shop')
  assert.deepEqual(edges.map(({ from, to }) => `${from} > ${to}`), ['Application argocd/shop > StatefulSet shop/web', 'StatefulSet shop/web > Pod shop/web-1'])
  assert.throws(() => drawView(world, 'application', 'nope'), (error) => isCoded(error, 'NoSuchApplication') && /shop/.test((error as { remedy?: string }).remedy ?? ''))
})
