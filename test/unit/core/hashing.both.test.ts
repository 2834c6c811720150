/** P20: without WebAssembly the digests are the same. */

import { createCRC32, createSHA256, createSHA512, createXXHash64, type IHasher } from 'hash-wasm'
import { describe, expect, it } from 'vitest'
import { TableCrc32 } from '../../../src/codec/crc32.ts'
import { PlainXxh64 } from '../../../src/codec/zstd/plain-xxh64.ts'
import { digestOf } from '../../../src/digest.ts'
import { hasherMaker, hashing, javascriptHasher } from '../../../src/hashing.ts'
import { isWasmAllowed } from '../../../src/wasm-allowed.ts'
import { noise, prng } from '../../golden/inputs.ts'
import { rounds, seed } from '../../setup/rounds.ts'

interface Running {
  update(bytes: Uint8Array): void
  result(): string
}

const hex8 = (value: number): string => value.toString(16).padStart(8, '0')

/** What runs without WebAssembly, and what it must agree with. */
const pairs = {
  'SHA-256': { plain: (): Running => hasher('sha256'), wasm: createSHA256 },
  'SHA-512': { plain: (): Running => hasher('sha512'), wasm: createSHA512 },
  'CRC-32': {
    plain: (): Running => {
      const crc = new TableCrc32()
      return { update: bytes => crc.update(bytes), result: () => hex8(crc.take()) }
    },
    wasm: createCRC32,
  },
  'the low half of XXH64': {
    plain: (): Running => {
      const checksum = new PlainXxh64()
      return { update: bytes => checksum.update(bytes), result: () => hex8(checksum.value()) }
    },
    wasm: createXXHash64,
  },
}

function hasher(algorithm: 'sha256' | 'sha512'): Running {
  const running = javascriptHasher(algorithm)
  return { update: bytes => running.update(bytes), result: () => running.hex() }
}

const cases = rounds({ short: 300, long: 20_000 })

describe('hashes without WebAssembly', () => {
  it.each(Object.entries(pairs))('P20: %s is the same at every length and in any chunks', async (_, pair) => {
    const wasm = await pair.wasm()
    const random = prng(seed)
    const data = noise(70_000, seed)
    for (let length = 0; length <= 300; length++) expectSame(pair.plain(), wasm, [data.subarray(0, length)])
    for (let i = 0; i < cases; i++) {
      const end = random() % (i % 10 === 0 ? data.length : 2000)
      const most = 1 + (random() % 200) * (i % 7 === 0 ? 100 : 1)
      const chunks: Uint8Array[] = []
      for (let at = 0; at < end; at += chunks.at(-1)?.length ?? 0) {
        chunks.push(data.subarray(at, Math.min(end, at + 1 + (random() % most))))
        if (random() % 9 === 0) chunks.unshift(new Uint8Array(0))
      }
      expectSame(pair.plain(), wasm, chunks)
    }
  })

  it('P20: one that reads all ones, where carries run the farthest, is the same', async () => {
    const ones = new Uint8Array(4099).fill(0xff)
    for (const pair of Object.values(pairs)) expectSame(pair.plain(), await pair.wasm(), [ones])
  })

  it('begin afresh: a checksum when it was reset or taken', async () => {
    const checksum = new PlainXxh64()
    checksum.update(noise(99, 1))
    checksum.reset()
    expect(hex8(checksum.value())).toBe('51d8e999')
    const crc = new TableCrc32()
    crc.update(noise(99, 1))
    crc.take()
    crc.update(new TextEncoder().encode('123456789'))
    expect(hex8(crc.take())).toBe('cbf43926')
  })

  it('are told by a flag: what the platform has, else WebAssembly where it is allowed', () => {
    expect(isWasmAllowed()).toBe(true)
    expect(hashing()).toBe('wasm')
    expect(hashing({})).toBe('wasm')
    expect(hashing({ hasher: () => javascriptHasher('sha256') })).toBe('native')
    expect(hashing({ hasher: () => undefined })).toBe('wasm')
  })

  it('come one after the other from one maker', async () => {
    const next = await hasherMaker('sha256')
    for (const text of ['abc', 'abc']) {
      const one = next()
      one.update(new TextEncoder().encode(text))
      expect(one.hex()).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    }
  })
})

describe('the state of a hasher', () => {
  const data = noise(300_000, seed)
  const makers = {
    WebAssembly: async (algorithm: 'sha256' | 'sha512') => (await hasherMaker(algorithm))(),
    JavaScript: async (algorithm: 'sha256' | 'sha512') => javascriptHasher(algorithm),
  }
  it.each(Object.entries(makers))('is gone on from at any byte, as often as asked: %s', async (_, make) => {
    const random = prng(seed)
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const expected = await digestOf(data, { algorithm })
      for (let i = 0; i < 40; i++) {
        // Around the ends of blocks, too.
        const at = i < 20 ? 120 + i : random() % data.length
        const first = await make(algorithm)
        first.update(data.subarray(0, at))
        const state = first.save?.()
        first.update(data.subarray(at))
        const results = [first.hex()]
        for (const end of [at, at + 1, data.length]) {
          const next = await state?.restore()
          next?.update(data.subarray(at, end))
          const again = await next?.save?.().restore()
          again?.update(data.subarray(end))
          results.push(again?.hex() ?? 'no state')
        }
        expect(
          results.map(hex => `${algorithm}:${hex}`),
          `byte ${at}`,
        ).toEqual(Array(4).fill(expected))
      }
    }
  })

  it('stays as it was while others go on from it, at the same time', async () => {
    const hasher = (await hasherMaker('sha256'))()
    hasher.update(data.subarray(0, 1000))
    const state = hasher.save?.()
    const [one, two] = [await state?.restore(), await state?.restore()]
    for (let at = 1000; at < data.length; at += 1000) {
      one?.update(data.subarray(at, at + 1000))
      two?.update(data.subarray(at, at + 1000))
    }
    const expected = await digestOf(data)
    expect([`sha256:${one?.hex()}`, `sha256:${two?.hex()}`]).toEqual([expected, expected])
  })
})

function expectSame(plain: Running, wasm: IHasher, chunks: readonly Uint8Array[]): void {
  wasm.init()
  for (const chunk of chunks) {
    plain.update(chunk)
    wasm.update(chunk)
  }
  const expected = wasm.digest('hex')
  const found = plain.result()
  const lengths = chunks.map(({ length }) => length)
  expect(found, `seed ${seed}, chunks of ${lengths.join()}`).toBe(
    found.length === 8 ? expected.slice(-8) : expected,
  )
}
