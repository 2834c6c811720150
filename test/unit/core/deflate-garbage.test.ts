/** What fflate leaves behind: cleared away before it adds up. */

import { Deflate } from 'fflate'
import { expect, it } from 'vitest'
import { deflateBlock } from '../../../src/codec/deflate.ts'

const blocks = 200
const most = 10_000_000
const block = Uint8Array.from({ length: 262_144 }, (_, i) => (i * i) >> 7)
const dictionary = new Uint8Array(0)

/** Bytes of array buffers that two hundred blocks add to what was there, at the most. */
async function held(compress: () => void): Promise<number> {
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  for (let i = 0; i < blocks; i++) {
    compress()
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    // Garbage is cleared away between tasks, too.
    await new Promise(resolve => setImmediate(resolve))
  }
  return most
}

it('deflates two hundred blocks in the memory of a few; fflate alone does not', {
  timeout: 60_000,
}, async () => {
  deflateBlock(block, { level: 1, dictionary, last: false })
  const ours = await held(() => {
    deflateBlock(block, { level: 1, dictionary, last: false })
  })
  const alone = await held(() => {
    const stream = new Deflate({ level: 1, mem: 4 }, () => {})
    stream.push(block)
    stream.flush()
  })
  console.log(`array buffers held: ${ours} bytes, by fflate alone ${alone}`)
  expect(ours).toBeLessThan(most)
  expect(alone).toBeGreaterThan(most)
})
