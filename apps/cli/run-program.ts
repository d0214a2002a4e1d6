import { execFile } from 'node:child_process'
import type { RunProgram } from '@idp/platform'

/** Runs a program found on the PATH, without a shell. */
export const runProgram: RunProgram = (command, args, environment = {}) => new Promise((resolve) => {
  execFile(command, [...args], { env: { ...process.env, ...environment }, maxBuffer: 16 * 1024 * 1024 }, (error, out, err) => {
    const code = error === null ? 0 : typeof error.code === 'number' ? error.code : error.code === 'ENOENT' ? undefined : 1
    resolve({ code, out, err: err === '' && error !== null ? error.message : err })
  })
})
