/** `npm start`, without its server: the part that needs no browser. */

import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const script = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url))

it('builds and checks the sample, prints one digest for one date, and leaves nothing behind', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'ocidir-start-'))
  const digestAt = (epoch: string): string => {
    const env = { ...process.env, SOURCE_DATE_EPOCH: epoch, TMPDIR: scratch, TEMP: scratch }
    const output = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8', env })
    expect(output).toContain('fsck: sound, 3 blobs verified')
    return /sha256:[0-9a-f]{64}/.exec(output)?.[0] ?? 'no digest'
  }
  const first = digestAt('1700000000')
  expect(first).toMatch(/^sha256:/)
  expect(digestAt('1700000000')).toBe(first)
  expect(digestAt('1700000001')).not.toBe(first)
  expect(readdirSync(scratch)).toEqual([])
  rmSync(scratch, { recursive: true })
})

it('ends with 2 and its usage for what it does not know', () => {
  for (const args of [
    ['--prot', '1'],
    ['--port', 'x'],
    ['--port', '70000'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
    expect(status, args.join(' ')).toBe(2)
    expect(stderr).toContain('Usage: npm start')
  }
})

it('says in a line that the port asked for is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  // A server on an IP port has no other kind of address.
  const { port } = holder.address() as AddressInfo
  const args = [script, '--no-open', '--port', String(port)]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  holder.close()
  expect([status, stderr]).toEqual([1, `ocidir: Port ${port} is already in use\n`])
})
