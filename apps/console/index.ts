export { execOver, type ExecInPod, type ExecTarget } from './exec-in-pod.ts'
export { startConsole, type Console, type ConsoleOptions } from './start-console.ts'
