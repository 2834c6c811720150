import { expect, it } from 'vitest'
import { encodeGzip } from '../../../src/codec/encode.ts'
import { collect } from '../../../src/streams.ts'
import { chunked, seeded } from '../../golden/inputs.ts'
import { faults, proveCaught } from './broken-deflate.ts'
import { native } from './native.ts'

it.each(Object.keys(faults))('node:zlib as checker catches a deflate that %s', name =>
  proveCaught(name, { native }),
)

it('a checker that is broken itself stops the encoder too', async () => {
  for (const inflateRaw of [() => new Uint8Array(0), () => new Uint8Array(262_152)]) {
    const parts = { level: 1, native: { inflateRaw } } as const
    const run = collect(encodeGzip(chunked(seeded(300_000, 1), 50_000), parts), { max: 2 ** 30 })
    await expect(run).rejects.toMatchObject({ code: 'DEFLATE_UNVERIFIED', data: { block: 0 } })
  }
})
