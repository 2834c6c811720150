/** P22: the same input makes the same bytes, run after run, in Node and in Chromium. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { digestOf } from '../../src/digest.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { tarSource } from '../../src/tar/index.ts'
import { bytesOf, read, utf8 } from '../suites/material.ts'

/** The digest of index.json, which names the manifest, which names all else. */
async function build(run: number, level: 1 | 6 = 1): Promise<string> {
  const storage = memory()
  const dir = await OciDir.ensure(storage)
  const body = bytesOf(265_000, 7)
  // The same file in pieces of another size each time.
  const piece = 1000 + run * 977
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < body.length; at += piece) yield body.slice(at, at + piece)
  }
  const entries = [
    { path: 'data', body: pieces, size: body.length },
    { path: 'é/😀', body: 'text' },
  ]
  const layer = await dir.writeLayer(tarSource(entries), { codec: gzip({ level }) })
  const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }
  const image = configure(pushLayer(draft(platform), layer, { createdBy: 'x' }), {
    Env: ['A=b'],
    Cmd: ['/run'],
  })
  await dir.writeImage(image, { tag: 'app:1' })
  return digestOf((await read(storage, 'index.json')) ?? utf8(''))
}

it('P22: 100 runs make one digest, and it is the same in every runtime', { timeout: 120_000 }, async () => {
  const digests = new Set<string>()
  for (let run = 0; run < 100; run++) digests.add(await build(run))
  console.log(`P22: 100 runs, ${digests.size} digest: ${[...digests][0]}`)
  expect([...digests]).toEqual(['sha256:ae85d67fc8dc27e0256819755ebdc0665af0d819c55c8cb443da21f3b4a95d83'])
  // Other input makes another: the digest hangs on what it should.
  expect(digests.has(await build(0, 6))).toBe(false)
})
