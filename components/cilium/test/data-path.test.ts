import { after } from 'node:test'
import { dataPathContract } from './data-path-contract.ts'
import { memory, sockets } from './transport.ts'

const loopback = await sockets()
after(() => loopback[Symbol.asyncDispose]())

dataPathContract('in memory', memory)
dataPathContract('on sockets', loopback)
