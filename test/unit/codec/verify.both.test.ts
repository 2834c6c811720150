import { describe, expect, it } from 'vitest'
import { type DeflateBlock, deflateBlock } from '../../../src/codec/deflate.ts'
import { encodeGzip } from '../../../src/codec/encode.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, seeded } from '../../golden/inputs.ts'
import { checkers, faults, proveCaught } from './broken-deflate.ts'

const max = 2 ** 30

describe('an encoder whose deflate is broken', () => {
  for (const [checker, parts] of Object.entries(checkers)) {
    it.each(Object.keys(faults))(
      `is caught before the block is passed on when fflate %s; by ${checker}`,
      name => proveCaught(name, parts),
    )

    it.each(Object.keys(faults).filter(name => !name.includes('dictionary')))(
      `is caught before the block is passed on when zlib %s; by ${checker}`,
      name => proveCaught(name, { ...parts, by: 'zlib' }),
    )
  }

  it('is told by the number of the block, with the cause', async () => {
    const deflate: DeflateBlock = (block, options) => {
      const out = deflateBlock(block, options)
      return options.last ? Uint8Array.of(7, 7, 7) : out
    }
    const run = collect(encodeGzip(chunked(seeded(600_000, 1), 9_999), { level: 1, deflate }), { max })
    await expect(run).rejects.toMatchObject({ code: 'DEFLATE_UNVERIFIED', data: { block: 2 } })
  })
})
