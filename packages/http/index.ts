export type { Handler, Peer, UpgradeHandler, WebServer } from './handler.ts'
