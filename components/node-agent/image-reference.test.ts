import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseImage } from './image-reference.ts'

const digest = `sha256:${'a'.repeat(64)}`
const good: [string, string, string | undefined, string | undefined][] = [
  ['nginx', 'docker.io/library/nginx', 'latest', undefined],
  ['grafana/loki:3.5.0', 'docker.io/grafana/loki', '3.5.0', undefined],
  ['docker.io/nginx', 'docker.io/library/nginx', 'latest', undefined],
  ['index.docker.io/grafana/loki', 'docker.io/grafana/loki', 'latest', undefined],
  ['ghcr.io/acme/shop@' + digest, 'ghcr.io/acme/shop', undefined, digest],
  ['localhost:5000/a/b:v1@' + digest, 'localhost:5000/a/b', 'v1', digest],
  ['registry.k8s.io/metrics-server/metrics-server:v0.8.0', 'registry.k8s.io/metrics-server/metrics-server', 'v0.8.0', undefined],
]
for (const [image, repository, tag, hash] of good) test(`image ${image}`, () => assert.deepEqual(parseImage(image), { repository, tag, digest: hash }))

for (const image of ['', 'Nginx', 'a b', 'nginx:', 'nginx:.x', 'nginx@sha256:12', 'a//b', 'a/../b', '-a', `${'a'.repeat(300)}`, 'http://x/y']) {
  test(`not an image: ${JSON.stringify(image.slice(0, 20))}`, () => assert.throws(() => parseImage(image), { code: 'InvalidImageName' }))
}
