export type { Container, ContainerFiles, ExecIo, Program } from './container.ts'
export type { FetchOptions, Listener, ListenOptions, Net, TlsIdentity } from './net.ts'
export type { ChartStandIn, Component, ProgramEntry } from './component.ts'
