/** Gzip by what the platform has: by CompressionStream here, by blocks on threads where the storage's tools have those. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { gunzip, gzip } from '../../../src/codec/gzip.ts'
import { encodeByPlatform } from '../../../src/codec/platform.ts'
import { storeBlock } from '../../../src/codec/stored.ts'
import { isOciError } from '../../../src/errors.ts'
import type { NativeTools } from '../../../src/storage.ts'
import { collect, concat, equalBytes } from '../../../src/streams.ts'
import { chunked, inputs, prng, seeded } from '../../golden/inputs.ts'

const max = 2 ** 30

/** A platform's threads, as slow and as correct as can be: it stores. */
const threads: NativeTools = {
  deflateRaw: async (block, { last }) => {
    await new Promise(resolve => setTimeout(resolve))
    return storeBlock(block, last)
  },
}

const ways = { CompressionStream: {}, 'threads of the platform': { native: threads } } as const

afterEach(() => vi.unstubAllGlobals())

function encode(input: Uint8Array, options = {}, size: number | (() => number) = 65_536) {
  return collect(gzip({ deflate: 'platform' }).encode(chunked(input, size), options), { max })
}

describe.each(Object.entries(ways))('gzip by the platform, by %s', (_, options) => {
  it("is read by our gunzip and by the platform's own, to its last byte", async () => {
    for (const [name, make] of Object.entries(inputs)) {
      const input = make()
      const gz = await encode(input, options)
      expect([...gz.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
      expect(equalBytes(await collect(gunzip(gz), { max }), input), name).toBe(true)
      const native = new Blob([new Uint8Array(gz)]).stream().pipeThrough(new DecompressionStream('gzip'))
      expect(equalBytes(await collect(native, { max }), input), name).toBe(true)
    }
  })

  it('gives the content back for pushes of any size, of chunks that their owner uses again', async () => {
    const input = seeded(900_000, 5)
    const random = prng(11)
    for (const size of [700, 65_537, 262_144, 900_000]) {
      async function* reused() {
        const chunk = new Uint8Array(size)
        for (let at = 0; at < input.length; ) {
          const piece = input.subarray(at, at + 1 + (random() % size))
          chunk.set(piece)
          yield chunk.subarray(0, piece.length)
          chunk.fill(0xff)
          at += piece.length
        }
      }
      const gz = await collect(gzip({ deflate: 'platform' }).encode(reused(), options), { max })
      expect(equalBytes(await collect(gunzip(gz), { max }), input), `${size}`).toBe(true)
    }
  })

  it('passes the error of a source on, at whichever chunk it comes', async () => {
    for (const chunks of [0, 1, 3, 40]) {
      const gone = new Error('disk gone')
      async function* failing() {
        for (let i = 0; i < chunks; i++) yield seeded(50_000, i)
        throw gone
      }
      const run = collect(gzip({ deflate: 'platform' }).encode(failing(), options), { max })
      await expect(run, `${chunks}`).rejects.toBe(gone)
    }
  })

  it('ends with the reason of an abort, of a source that is always ready and of one that hangs', async () => {
    for (const hangs of [false, true]) {
      const controller = new AbortController()
      const reason = new Error('enough')
      let ended = false
      async function* endless() {
        try {
          const chunk = seeded(262_144, 4)
          for (let i = 0; ; i++) {
            if (hangs && i === 5) {
              abort()
              await new Promise(() => {})
            }
            yield chunk
          }
        } finally {
          ended = true
        }
      }
      const abort = () => setTimeout(() => controller.abort(reason), 20)
      if (!hangs) abort()
      const { signal } = controller
      const run = collect(gzip({ deflate: 'platform' }).encode(endless(), { ...options, signal }), { max })
      await expect(run).rejects.toBe(reason)
      await new Promise(resolve => setTimeout(resolve, 20))
      // What hangs can't be told to end.
      expect(ended).toBe(!hangs)
    }
  })

  it('gives the source back when its reader stops, and reads it not far ahead', async () => {
    let [ended, given] = [false, 0]
    async function* source() {
      try {
        for (;;) {
          given += 65_536
          yield seeded(65_536, given)
        }
      } finally {
        ended = true
      }
    }
    let taken = 0
    for await (const chunk of gzip({ deflate: 'platform' }).encode(source(), options)) {
      taken += chunk.length
      await new Promise(resolve => setTimeout(resolve, 20))
      if (taken > 50_000) break
    }
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(ended).toBe(true)
    expect(given).toBeLessThan(8_000_000)
  })
})

/** What a broken platform may do to what it has deflated. */
const faults: Readonly<Record<string, (right: Uint8Array) => Uint8Array>> = {
  'flips a bit': right => {
    const bytes = right.slice()
    const at = Math.floor(bytes.length / 2)
    bytes[at] = (bytes[at] as number) ^ 1
    return bytes
  },
  'drops the last byte': right => right.subarray(0, -1),
  'adds a byte': right => concat([right, Uint8Array.of(0)]),
  'says nothing': () => new Uint8Array(0),
  'gives what is none': right => right.slice().fill(0xff),
}

describe.each(Object.entries(faults))('a platform that %s', (_, spoil) => {
  const input = seeded(700_000, 7)

  it('is caught where it has threads', async () => {
    for (const last of [true, false]) {
      const deflateRaw: NativeTools['deflateRaw'] = async (block, options) => {
        const right = storeBlock(block, options.last)
        return options.last === last ? spoil(right) : right
      }
      const run = encode(input, { native: { deflateRaw } })
      await expect(run).rejects.toMatchObject({ code: 'DEFLATE_UNVERIFIED', data: { block: last ? 2 : 0 } })
    }
  })

  it('is caught where it has streams', async () => {
    stubStream(spoil)
    await expect(encode(input)).rejects.toMatchObject({ code: 'DEFLATE_UNVERIFIED' })
    // The header, what was made of it, and the trailer: as it would go out if nobody looked.
    const made = await new Response(
      new Blob([new Uint8Array(input)]).stream().pipeThrough(new CompressionStream('deflate-raw')),
    ).bytes()
    const right = await encodeRight(input)
    const gz = concat([right.subarray(0, 10), made, right.subarray(-8)])
    const found = await collect(gunzip(gz), { max }).catch(error => error)
    expect(isOciError(found, 'GZIP_INVALID')).toBe(true)
  })
})

async function encodeRight(input: Uint8Array): Promise<Uint8Array> {
  return collect(gzip({ level: 0 }).encode(chunked(input, 65_536)), { max })
}

/** A CompressionStream that stores, and spoils what it gives at the end. */
function stubStream(spoil: (right: Uint8Array) => Uint8Array): void {
  vi.stubGlobal(
    'CompressionStream',
    class extends TransformStream<Uint8Array, Uint8Array> {
      constructor() {
        const chunks: Uint8Array[] = []
        super({
          transform: chunk => {
            chunks.push(chunk.slice())
          },
          flush: controller => controller.enqueue(spoil(storeBlock(concat(chunks), true))),
        })
      }
    },
  )
}

describe('a platform', () => {
  it('that fails by itself is caught too, with the cause', async () => {
    const broken = new Error('out of threads')
    const deflateRaw: NativeTools['deflateRaw'] = () => Promise.reject(broken)
    await expect(encode(seeded(10_000, 1), { native: { deflateRaw } })).rejects.toMatchObject({
      code: 'DEFLATE_UNVERIFIED',
      cause: broken,
    })
    stubStream(() => {
      throw broken
    })
    await expect(encode(seeded(10_000, 1))).rejects.toMatchObject({
      code: 'DEFLATE_UNVERIFIED',
      cause: broken,
    })
  })

  it('that has neither is UNSUPPORTED', async () => {
    vi.stubGlobal('CompressionStream', undefined)
    await expect(encode(seeded(10, 1))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    // Without deflate-raw, as browsers had it at first.
    vi.stubGlobal(
      'CompressionStream',
      class {
        constructor(format: string) {
          throw new TypeError(`no ${format}`)
        }
      },
    )
    await expect(encode(seeded(10, 1))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('deflates several blocks at once, and gives them in their order', async () => {
    let [now, most] = [0, 0]
    const deflateRaw: NativeTools['deflateRaw'] = async (block, { last }) => {
      most = Math.max(most, ++now)
      await new Promise(resolve => setTimeout(resolve, 1 + ((block[0] ?? 0) % 20)))
      now--
      return storeBlock(block, last)
    }
    const input = seeded(4_000_000, 3)
    const source = chunked(input, 100_000)
    const gz = await collect(encodeByPlatform(source, { level: 6, native: { deflateRaw } }), { max })
    expect(equalBytes(await collect(gunzip(gz), { max }), input)).toBe(true)
    expect(most).toBe(4)
  })
})
