// Answers every request with the same bytes, as fast as one process can: `node backend.ts BYTES`; prints its port.
import { listenRaw } from '@idp/http'

const size = Number(process.argv[2] ?? 1500)
const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
const end = Buffer.from('\r\n\r\n')
const open = await listenRaw({ port: 0 }, (socket) => {
  socket.on('data', (data) => {
    for (let at = data.indexOf(end); at >= 0; at = data.indexOf(end, at + 4)) socket.write(answer)
  })
})
console.log(open.port)
