import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRewriter } from './list-method.ts'

const rewrite = (text: string, size: number): string => {
  const next = createRewriter()
  const bytes = Buffer.from(text)
  let out = ''
  for (let at = 0; at < bytes.length; at += size) out += Buffer.concat(next(bytes.subarray(at, at + size))).toString()
  return out
}

test('only heads of LIST requests change, however the bytes are cut', async (t) => {
  const list = 'LIST /v1/a HTTP/1.1\r\nHost: x\r\n\r\n'
  const listed = 'GET /v1/a HTTP/1.1\r\nx-idp-method-list: 1\r\nHost: x\r\n\r\n'
  const post = (body: string) => `POST /v1/a HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const chunked = `POST /v1/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${list.length.toString(16)}\r\n${list}\r\n0\r\n\r\n`
  const twice = `POST /v1/a HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${list}`
  const rows: [string, string][] = [
    [list + list, listed + listed], [post(list) + list, post(list) + listed], [chunked + list, chunked + listed], [twice, twice], ['GET /v1/LIST HTTP/1.1\r\n\r\n', 'GET /v1/LIST HTTP/1.1\r\n\r\n'],
    [`GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n${list}`, `GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n${list}`],
  ]
  for (const [sent, want] of rows) for (const size of [1, 7, 1000]) await t.test(`${sent.slice(0, 20)} in pieces of ${size}`, () => assert.equal(rewrite(sent, size), want))
})
