/** P20: a runtime that has no WebAssembly at all makes the same image. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { javascriptHasher } from '../../src/hashing.ts'
import { buildChild } from '../fault/child.ts'
import { noise, prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { buildAndRead } from './image.ts'

const run = promisify(execFile)

it('P20: Node without WebAssembly builds and reads the same image, and says by what it hashes', async () => {
  const { program, remove } = await buildChild(new URL('./child.ts', import.meta.url))
  try {
    const expected = await buildAndRead(memory())
    expect(expected).toMatchObject({
      isSound: true,
      hashing: 'wasm',
      zlib: expect.stringMatching(/^sha256:/),
      zstd: expect.stringMatching(/^sha256:/),
    })
    const takenAway = 'data:text/javascript,delete globalThis.WebAssembly'
    const { stdout } = await run(process.execPath, ['--import', takenAway, program])
    expect(JSON.parse(stdout)).toEqual({
      ...expected,
      hashing: 'javascript',
      zlib: 'UNSUPPORTED',
      zstd: 'UNSUPPORTED',
    })
  } finally {
    await remove()
  }
})

it.each(['sha256', 'sha512'] as const)("P20: %s without WebAssembly is Node's own", algorithm => {
  const random = prng(seed)
  const count = rounds({ short: 200, long: 20_000 })
  for (let i = 0; i < count; i++) {
    const bytes = noise(random() % 3000, random())
    const cut = random() % (bytes.length + 1)
    const hasher = javascriptHasher(algorithm)
    hasher.update(bytes.subarray(0, cut))
    hasher.update(bytes.subarray(cut))
    expect(hasher.hex()).toBe(createHash(algorithm).update(bytes).digest('hex'))
  }
})
