/** P1: a range that is the whole blob is verified, as the whole blob is. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { collect } from '../../src/streams.ts'
import { bytesOf } from '../suites/material.ts'
import { storeThrough } from './flips.ts'

it('P1: a range of the whole blob, however it is asked for, is verified', async () => {
  const dir = await OciDir.ensure(memory())
  const bytes = bytesOf(4096)
  const descriptor = await dir.writeBlob(bytes)
  const all = [{}, { start: 0 }, { end: 4096 }, { start: 0, end: 4096 }]
  const read = async (range: object): Promise<Uint8Array> =>
    collect(await dir.readBlobRange(descriptor, range), { max: 1 << 20 })
  for (const range of all) expect(await read(range)).toEqual(bytes)
  expect(await read({ start: 1 })).toEqual(bytes.subarray(1))
  // One whose algorithm nobody here knows can't be, and every part of it can be read.
  const unknown = { ...descriptor, digest: `blake3:${'a'.repeat(64)}` as const }
  await storeThrough(dir.storage, unknown, bytes)
  for (const range of all)
    expect(await collect(await dir.readBlobRange(unknown, range), { max: 1 << 20 })).toEqual(bytes)
  await storeThrough(
    dir.storage,
    descriptor,
    bytes.map((byte, i) => (i === 99 ? byte ^ 1 : byte)),
  )
  for (const range of all) await expect(read(range)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  await expect(read({ start: 99, end: 100 })).resolves.toHaveLength(1)
})
