/** P14, P15: a small hostile input takes no more memory than is said, ends or is refused, and an abort is heeded. */

import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { archive } from '../../src/archive/index.ts'
import { gunzip } from '../../src/codec/gzip.ts'
import { unzstd } from '../../src/codec/zstd.ts'
import { parseConfig } from '../../src/document.ts'
import { isOciError } from '../../src/errors.ts'
import { files } from '../../src/files/index.ts'
import { fsck } from '../../src/fsck.ts'
import { parseJson } from '../../src/json.ts'
import { defaultLimits } from '../../src/limits.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Descriptor, mediaTypes } from '../../src/spec.ts'
import { concat } from '../../src/streams.ts'
import { readTar } from '../../src/tar/index.ts'
import { rounds } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { utf8 } from '../suites/material.ts'
import { block, frame, repeated, skippable } from '../unit/codec/frames.ts'
import { base256, gnuMagic, header, member, pax, tar } from '../unit/tar/samples.ts'
import { peakOf } from './peak.ts'

const MiB = 2 ** 20
const many = (count: number, bytes: Uint8Array): Uint8Array => {
  const all = new Uint8Array(count * bytes.length)
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length)
  return all
}
const drained = async (source: AsyncIterable<Uint8Array>): Promise<number> => {
  let size = 0
  for await (const chunk of source) size += chunk.length
  return size
}
const entriesOf = async (source: AsyncIterable<unknown>): Promise<number> => {
  let count = 0
  for await (const _ of source) count++
  return count
}
async function* endlessly(bytes: Uint8Array, lead = new Uint8Array()): AsyncGenerator<Uint8Array> {
  if (lead.length > 0) yield lead
  for (;;) yield bytes
}
/** The window of a frame without a checksum, before its blocks. */
const opening = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3)

interface Bomb {
  /** MiB that it may take, garbage included. */
  readonly within: number
  /** The limit that ends it; without one it is read to its end. */
  readonly limit?: string
  readonly make: () => Promise<() => Promise<unknown>> | (() => Promise<unknown>)
}

const scale = rounds({ short: 1, long: 10 })

/**
 * Seconds that one may take. The slowest takes a few where nothing else runs; the rest is for a machine of two cores that
 * does ten things, and a bomb that goes off takes hours.
 */
const longest = 60 * scale

const bombs: Readonly<Record<string, Bomb>> = {
  'gzip of gzip of zeros': {
    within: 96,
    make: () => {
      const inner = gzipSync(
        concat(Array.from({ length: 4 * scale }, () => gzipSync(Buffer.alloc(16 * MiB)))),
      )
      return () => drained(gunzip(gunzip(inner)))
    },
  },
  'a gzip of 30,000 empty members': {
    within: 96,
    make: () => {
      const bytes = many(30_000 * scale, gzipSync(''))
      return () => drained(gunzip(bytes))
    },
  },
  'a gzip of a name without end': {
    within: 64,
    make: () => {
      const bytes = concat([
        Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3),
        new Uint8Array(64 * MiB).fill(0x61),
      ])
      return () => drained(gunzip(bytes)).catch(typed)
    },
  },
  'a gzip that is stopped by maxBytes': {
    within: 64,
    limit: 'maxBytes',
    make: () => {
      const bytes = gzipSync(Buffer.alloc(64 * MiB))
      return () => drained(gunzip(bytes, { maxBytes: 32 * MiB }))
    },
  },
  'zstd blocks of 128 KiB in four bytes': {
    within: 96,
    make: () => {
      const bytes = concat([opening, many(2_000 * scale, repeated(131_072)), repeated(0, true)])
      return () => drained(unzstd(bytes))
    },
  },
  'a zstd window of 128 MiB with nothing in it': {
    within: 16,
    make: async () => {
      const bytes = await frame({ content: utf8('x'), fields: [17 << 3] })
      return () => drained(unzstd(bytes))
    },
  },
  'a zstd window of 3.75 TiB': {
    within: 16,
    limit: 'maxWindowSize',
    make: async () => {
      const bytes = await frame({ content: utf8('x'), fields: [0xff] })
      return () => drained(unzstd(bytes))
    },
  },
  '50,000 zstd frames of a byte, and as many to skip': {
    within: 128,
    make: () => {
      const one = concat([opening, block({ content: utf8('x'), last: true }), skippable(utf8(''))])
      const bytes = many(50_000 * scale, one)
      return () => drained(unzstd(bytes))
    },
  },
  'a tar of 60,000 empty entries': {
    within: 128,
    limit: 'maxEntries',
    make: () => {
      const bytes = many(60_000, header({}))
      return () => entriesOf(readTar(bytes, { limits: { maxEntries: 59_999 } }))
    },
  },
  'a pax header that claims 8 GiB': {
    within: 16,
    limit: 'maxRecordSize',
    make: () => () => entriesOf(readTar(header({ type: 'x', size: base256(8n << 30n, 12) }))),
  },
  '100 names of a megabyte': {
    within: 256,
    make: () => {
      const long = member({ type: 'L', magic: gnuMagic }, new Uint8Array(MiB - 1).fill(0x61))
      const one = concat([long, member({ magic: gnuMagic })])
      return () => entriesOf(readTar(many(100, one)))
    },
  },
  '170,000 records in one pax header': {
    within: 192,
    make: () => {
      const bytes = tar(member({ type: 'x' }, many(170_000, utf8('6 a=b\n'))), member({}))
      return () => entriesOf(readTar(bytes))
    },
  },
  'folders of 2,000 levels': {
    within: 640,
    limit: 'maxTreeSize',
    make: async () => {
      const tars = Array.from({ length: 300 }, (_, i) =>
        concat([pax([['path', `${i}/${'a/'.repeat(2000)}x`]]), member({})]),
      )
      const image = await imageOf([tar(...tars)])
      return () => files(image)
    },
  },
  '60 layers of 1,000 names each': {
    within: 384,
    make: async () => {
      const names = Array.from({ length: 1000 }, (_, i) => header({ name: `f${i}` }))
      const layer = tar(...names)
      const image = await imageOf(Array.from({ length: 60 }, () => layer))
      return () => files(image)
    },
  },
  'an archive of names alone': {
    within: 256,
    limit: 'maxNamesSize',
    make: () => {
      const names = Array.from({ length: 10_000 }, (_, i) => header({ name: `${i}`.padEnd(100, 'n') }))
      const bytes = tar(...names)
      return () => archive(bytes, { limits: { maxNamesSize: 999_999 } })
    },
  },
  'JSON of five million brackets': {
    within: 64,
    limit: 'maxJsonDepth',
    make: () => {
      const bytes = utf8('['.repeat(5_000_000))
      return async () => parseJson(bytes, { where: 'x' })
    },
  },
  'JSON of twelve million empty arrays': {
    within: 768,
    limit: 'maxJsonValues',
    make: () => {
      const bytes = utf8(`[${'[],'.repeat(12_000_000)}[]]`)
      return async () => parseJson(bytes, { where: 'x' })
    },
  },
  'JSON of a string of 60 MB': {
    within: 384,
    make: () => {
      const bytes = utf8(`["${'a'.repeat(60_000_000)}"]`)
      return async () => parseJson(bytes, { where: 'x' })
    },
  },
  'JSON of 300,000 keys': {
    within: 256,
    make: () => {
      const bytes = utf8(`{${Array.from({ length: 300_000 }, (_, i) => `"k${i}":0`).join(',')},"f":0.5}`)
      return async () => parseJson(bytes, { where: 'x' })
    },
  },
  // As far as is known no seed goes into the hash of such a key: steps of 2^24 were made to meet in one bucket.
  'JSON of 200,000 keys that are numbers': {
    within: 256,
    make: () => {
      const bytes = utf8(
        `{${Array.from({ length: 200_000 }, (_, i) => `"${i * 16_384}":0`).join(',')},"f":0.5}`,
      )
      return async () => parseJson(bytes, { where: 'x' })
    },
  },
  'JSON of a number of four million digits': {
    within: 96,
    make: () => {
      const bytes = utf8(`[${'9'.repeat(4_000_000)}]`)
      return async () => {
        try {
          parseJson(bytes, { where: 'x' })
        } catch (error) {
          typed(error)
        }
      }
    },
  },
  'JSON of 10,000 integers of 300 digits': {
    within: 128,
    make: () => {
      const bytes = utf8(`[${Array.from({ length: 10_000 }, () => '9'.repeat(300)).join(',')}]`)
      return async () => parseJson(bytes, { where: 'x' })
    },
  },
  'a config of two million history entries': {
    within: 512,
    make: () => {
      const bytes = utf8(
        `{"architecture":"a","os":"b","rootfs":{"type":"layers","diff_ids":[]},"history":[${'0,'.repeat(2_000_000)}0]}`,
      )
      return async () => {
        expect(() => parseConfig(bytes, { where: 'x', limits: defaultLimits })).toThrow('/history/0')
      }
    },
  },
  'an index.json of 250,000 faulty entries': {
    within: 768,
    make: async () => {
      const storage = memory()
      await OciDir.ensure(storage)
      const faulty = utf8(`{"schemaVersion":2,"manifests":[${'{},'.repeat(249_999)}{}]}`)
      await storage.update('index.json', () => faulty)
      return async () => {
        const { ok, findings } = await fsck(storage)
        expect(ok).toBe(false)
        expect(findings.length).toBeLessThan(3_000)
      }
    },
  },
}

function typed(error: unknown): void {
  if (!isOciError(error)) throw error
}

async function imageOf(layers: readonly Uint8Array[]): Promise<Awaited<ReturnType<OciDir['openImage']>>> {
  const dir = await OciDir.ensure(memory())
  const stored: { diffId: string; descriptor: Descriptor }[] = []
  for (const layer of layers) stored.push(await dir.writeLayer(layer))
  const rootfs = { type: 'layers', diff_ids: stored.map(({ diffId }) => diffId) }
  const config = await dir.writeDocument(
    { architecture: 'a', os: 'b', rootfs },
    { mediaType: mediaTypes.config },
  )
  const manifest = {
    schemaVersion: 2,
    config: config.descriptor,
    layers: stored.map(({ descriptor }) => descriptor),
  }
  await dir.insertManifest(manifest as never, { tag: 'a' })
  return dir.openImage('a')
}

/** What reads them as many do: all at once, or without a bound. */
const credulous: Readonly<
  Record<string, { readonly within: number; readonly read: () => Promise<unknown> }>
> = {
  'gzip by one call of zlib': { within: 96, read: inflatedAtOnce(gzipSync(Buffer.alloc(128 * MiB))) },
  'gzip by pieces that are kept': {
    within: 96,
    read: keptWhole(gzipSync(Buffer.alloc(128 * MiB)), bytes => gunzip(bytes)),
  },
  'zstd by pieces that are kept': {
    within: 96,
    read: keptWhole(concat([opening, many(1_500, repeated(131_072)), repeated(0, true)]), bytes =>
      unzstd(bytes),
    ),
  },
}

function inflatedAtOnce(bytes: Uint8Array): () => Promise<unknown> {
  return async () => gunzipSync(bytes)
}

function keptWhole(
  bytes: Uint8Array,
  codec: (bytes: Uint8Array) => AsyncIterable<Uint8Array>,
): () => Promise<unknown> {
  return async () => {
    const all: Uint8Array[] = []
    for await (const chunk of codec(bytes)) all.push(chunk)
    return all
  }
}

describe('P14: bombs', () => {
  const tally = new Tally('P14: bombs within the memory that is said')

  it.each(Object.entries(bombs))(
    'P14: %s',
    { timeout: (longest + 240) * 1000 },
    async (name, { within, limit, make }) => {
      const read = await make()
      let fault: unknown
      const { mebibytes, seconds } = await peakOf(() =>
        read().catch(error => {
          fault = error
        }),
      )
      console.log(`P14: ${name}: ${mebibytes.toFixed(0)} of ${within} MiB, ${seconds.toFixed(1)} s`)
      tally.attempts++
      if (limit === undefined || fault !== undefined) tally.fired++
      if (mebibytes >= within || seconds >= longest) tally.losses++
      if (fault !== undefined && !isOciError(fault)) throw fault
      expect(isOciError(fault, 'LIMIT_EXCEEDED') ? fault.data.limit : fault).toBe(limit)
      expect(mebibytes).toBeLessThan(within)
      expect(seconds).toBeLessThan(longest)
    },
  )

  it('P14: what believes them takes more than is said', { timeout: 120_000 }, async () => {
    const broken = new Tally('P14: bombs read at once or kept (broken on purpose)')
    for (const { within, read } of Object.values(credulous)) {
      let result: unknown
      const { mebibytes } = await peakOf(async () => {
        result = await read()
      })
      broken.attempts++
      if (result !== undefined) broken.fired++
      if (mebibytes >= within) broken.losses++
    }
    expect(broken.report().losses).toBe(broken.attempts)
    expect(tally.report()).toMatchObject({ attempts: Object.keys(bombs).length, losses: 0 })
  })
})

const endless: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
  'zeros in a gzip': signal => drained(gunzip(endlessly(gzipSync(Buffer.alloc(MiB))), { signal })),
  'empty members of a gzip': signal => drained(gunzip(endlessly(many(1000, gzipSync(''))), { signal })),
  'blocks of a zstd': signal => drained(unzstd(endlessly(many(100, repeated(131_072)), opening), { signal })),
  'empty blocks of a zstd': signal =>
    drained(unzstd(endlessly(many(1000, repeated(0)), opening), { signal })),
  'frames of a zstd that are skipped': signal =>
    drained(unzstd(endlessly(many(1000, skippable(utf8('')))), { signal })),
  'entries of a tar': signal => entriesOf(readTar(many(400_000, header({})), { signal })),
  'headers of an archive': signal => archive(many(400_000, header({})), { signal }),
  'zeros of a sparse file': async signal => {
    const map = '1\n0\n0\n'.padEnd(512, '\0')
    const records = ['major', 'minor', 'realsize'].map(
      (key, i) => [`GNU.sparse.${key}`, ['1', '0', `${2 ** 33}`][i] ?? ''] as const,
    )
    for await (const { body } of readTar(tar(pax(records), member({}, map)), { signal })) await drained(body)
  },
}

describe('P14: an abort is heeded soon', () => {
  it.each(Object.entries(endless))('P14: %s', { timeout: 120_000 }, async (name, read) => {
    const ended = new AbortController()
    let at = 0
    setTimeout(() => {
      at = performance.now()
      ended.abort(new Error('enough'))
    }, 50)
    await expect(read(ended.signal)).rejects.toThrow('enough')
    const late = performance.now() - at
    console.log(`P14: ${name}: given up after ${late.toFixed(0)} ms`)
    // A hundred where nothing else runs.
    expect(late).toBeLessThan(5_000)
  })
})
