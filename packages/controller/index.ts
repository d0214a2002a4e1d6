export { Stalled, Waiting, watch, type Cache, type Controller, type Key, type Outcome, type Scope, type Watch } from './controller.ts'
