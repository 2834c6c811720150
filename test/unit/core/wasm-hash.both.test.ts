import { createCRC32, createSHA256, createSHA512, createXXHash64, type IHasher } from 'hash-wasm'
import { expect, it } from 'vitest'
import { type WasmHash, wasmHashes } from '../../../src/wasm-hash.ts'
import { noise, prng } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'

const steps = rounds({ short: 4_000, long: 200_000 })

it.each([
  ['CRC-32', createCRC32],
  ['SHA-256', createSHA256],
  ['SHA-512', createSHA512],
  ['XXH64', createXXHash64],
])('%s: hashes that take turns at one instance are those of instances of their own', async (_, create) => {
  let instances = 0
  const hashes = wasmHashes(async () => {
    instances++
    return create()
  })
  const alone = await create()
  const expected = (bytes: readonly Uint8Array[]): string =>
    bytes.reduce<IHasher>((hash, piece) => hash.update(piece), alone.init()).digest('hex')
  const random = prng(seed)
  const running: { hash: WasmHash; pieces: Uint8Array[] }[] = []
  let compared = 0
  for (let i = 0; i < steps; i++) {
    // Some are dropped amid their bytes, as a reader that stops early drops them.
    if (running.length < 30 && random() % 4 === 0) running.push({ hash: (await hashes())(), pieces: [] })
    const one = running[random() % Math.max(1, running.length)]
    if (one === undefined) continue
    const what = random() % 12
    if (what === 0) running.splice(running.indexOf(one), 1)
    else if (what <= 2) {
      expect(one.hash.hex()).toBe(expected(one.pieces))
      one.pieces = []
      compared++
    } else if (what === 3) {
      one.hash.reset()
      one.pieces = []
    } else {
      const piece = noise(random() % 300, random())
      one.hash.update(piece)
      one.pieces.push(piece)
    }
  }
  expect(compared).toBeGreaterThan(steps / 20)
  expect(instances).toBe(1)
})

it('an instance that found no room is tried again by the next hash', async () => {
  let tries = 0
  const hashes = wasmHashes(async () => {
    if (++tries === 1) throw new RangeError('no room')
    return createCRC32()
  })
  await expect(hashes()).rejects.toThrow('no room')
  expect((await hashes())().hex()).toBe('00000000')
})
