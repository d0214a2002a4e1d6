// The ceiling: joins each connection to one of the backend's and passes bytes on unread. `node splice.ts BACKEND_PORT`; prints its port.
import { once } from 'node:events'
import { connect } from 'node:net'
import { listenRaw } from '@idp/http'
import { splice } from '../../components/cilium/dataplane/splice.ts'
import { wireOf, type WireReader } from '../../components/cilium/dataplane/wire.ts'

const unread: WireReader = { bytes() {}, drained() {}, ended() {}, closed() {} }
const open = await listenRaw({ port: 0 }, (socket) => {
  const backend = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true })
  socket.pause()
  void once(backend, 'connect').then(() => splice({ wire: wireOf(socket, unread), rest: undefined }, { wire: wireOf(backend, unread), rest: undefined }, () => {}))
})
console.log(open.port)
