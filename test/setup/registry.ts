/** A registry on this machine, for other people's tools: crane's own, on a free port, ended with the test. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { tool } from './tools.ts'

/** A registry that listens. */
export interface Registry {
  /** Host and port. */
  readonly address: string
  stop(): Promise<void>
}

/** Starts a registry, empty and in memory. */
export async function serveRegistry(): Promise<Registry> {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const child = spawn(tool('crane'), ['registry', 'serve', '--address', address], { stdio: 'ignore' })
  const stop = (): Promise<void> =>
    new Promise(resolve => {
      child.once('exit', () => resolve())
      child.kill()
    })
  await listening(child, address)
  return { address, stop }
}

async function listening(child: ChildProcess, address: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) throw new Error(`crane registry serve ended with ${child.exitCode}`)
    const answer = await fetch(`http://${address}/v2/`).catch(() => undefined)
    if (answer?.ok) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('crane registry serve did not begin to listen')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
