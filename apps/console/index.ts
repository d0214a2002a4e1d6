export { startConsole, type Console, type ConsoleOptions } from './start-console.ts'
