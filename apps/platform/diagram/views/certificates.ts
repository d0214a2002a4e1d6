import { refOf, type Ref } from '../../doctor/diagnosis.ts'
import { objects, words } from '../../doctor/field.ts'
import type { World } from '../../doctor/world.ts'
import { GraphBuilder, type Graph } from '../graph.ts'
import { objectNode } from '../object-node.ts'

/** Who vouches for whom: issuer → Certificate → Secret → issuer it is the CA of, or Gateway that serves it. */
export function certificates(world: World): Graph {
  const builder = new GraphBuilder()
  for (const issuer of [...world.list('ClusterIssuer'), ...world.list('Issuer')]) {
    const [type = ''] = Object.keys((issuer as { spec?: object }).spec ?? {})
    const id = objectNode(builder, world, refOf(issuer), { under: `${issuer.kind}, ${type}` })
    const ca = words(issuer, 'spec', 'ca', 'secretName')
    if (ca !== '') builder.edge(objectNode(builder, world, { kind: 'Secret', namespace: issuer.kind === 'ClusterIssuer' ? 'cert-manager' : issuer.metadata.namespace, name: ca }), id, 'is the CA of')
  }
  for (const certificate of world.list('Certificate')) {
    const namespace = certificate.metadata.namespace
    const id = objectNode(builder, world, refOf(certificate), { under: `until ${words(certificate, 'status', 'notAfter').slice(0, 10) || 'never issued'}` })
    const kind = words(certificate, 'spec', 'issuerRef', 'kind') || 'Issuer'
    const issuer: Ref = { kind, name: words(certificate, 'spec', 'issuerRef', 'name'), ...(kind === 'ClusterIssuer' ? {} : { namespace }) }
    builder.edge(world.find(issuer) === undefined ? objectNode(builder, world, issuer) : `${kind} ${kind === 'ClusterIssuer' ? '' : `${namespace}/`}${issuer.name}`, id, 'signs')
    builder.edge(id, objectNode(builder, world, { kind: 'Secret', namespace, name: words(certificate, 'spec', 'secretName') }))
  }
  for (const gateway of world.list('Gateway')) {
    for (const ref of objects(gateway, 'spec', 'listeners').flatMap((listener) => objects(listener, 'tls', 'certificateRefs'))) {
      builder.edge(objectNode(builder, world, { kind: 'Secret', namespace: words(ref, 'namespace') || gateway.metadata.namespace, name: words(ref, 'name') }), objectNode(builder, world, refOf(gateway)), 'is served by')
    }
  }
  return builder.graph('Certificates: who signs and who serves')
}
