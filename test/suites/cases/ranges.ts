/** Ranges: half open, in bytes, and a `RangeError` beyond the file. */

import type { RangeOptions } from '../../../src/storage.ts'
import { fails, sameBytes } from '../assert.ts'
import { blobName, bytesOf, drain, opened, put, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const blob = blobName(1)
const size = 600_000
const whole = bytesOf(size)

const inside: readonly { readonly what: string; readonly range: RangeOptions }[] = [
  { what: 'the whole, as numbers', range: { start: 0, end: size } },
  { what: 'the whole, by undefined', range: { start: undefined, end: undefined } },
  { what: 'from an offset to the end', range: { start: 12_345 } },
  { what: 'up to an offset', range: { end: 12_345 } },
  { what: 'a part within a chunk', range: { start: 7, end: 19 } },
  { what: 'a part across chunks', range: { start: 65_530, end: 540_001 } },
  { what: 'the first byte', range: { end: 1 } },
  { what: 'the last byte', range: { start: size - 1 } },
  { what: 'nothing in the middle', range: { start: 300, end: 300 } },
  { what: 'nothing at the end', range: { start: size, end: size } },
]

const outside: readonly RangeOptions[] = [
  { start: -1 },
  { end: -1 },
  { end: size + 1 },
  { start: size + 1 },
  { start: 10, end: 9 },
  { start: 0.5 },
  { end: 1.5 },
  { start: Number.NaN },
  { end: Number.POSITIVE_INFINITY },
]

export const rangeCases: readonly StorageCase[] = [
  ...inside.map(
    ({ what, range }): StorageCase => ({
      name: `reads a range: ${what}`,
      async run({ storage }) {
        await put(storage, blob, whole)
        const file = await opened(storage, blob)
        const expected = whole.subarray(range.start ?? 0, range.end ?? size)
        sameBytes(await file.bytes(range), expected, 'at once')
        sameBytes(await drain(file.stream(range)), expected, 'stream')
      },
    }),
  ),
  {
    name: 'refuses a range that leaves the file, at once',
    async run({ storage }) {
      await put(storage, blob, whole)
      const file = await opened(storage, blob)
      for (const range of outside)
        await fails(() => file.bytes(range), { type: RangeError }, JSON.stringify(range))
    },
  },
  {
    name: 'refuses a range that leaves the file, by stream',
    async run({ storage }) {
      await put(storage, blob, whole)
      const file = await opened(storage, blob)
      for (const range of outside) {
        await fails(async () => drain(file.stream(range)), { type: RangeError }, JSON.stringify(range))
      }
    },
  },
  {
    name: 'reads ranges of documents',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('0123456789'))
      const file = await opened(storage, 'index.json')
      sameBytes(await file.bytes({ start: 2, end: 5 }), utf8('234'), 'at once')
      sameBytes(await drain(file.stream({ start: 7 })), utf8('789'), 'stream')
      await fails(() => file.bytes({ end: 11 }), { type: RangeError })
    },
  },
  {
    name: 'reads many ranges of one file at once',
    async run({ storage }) {
      await put(storage, blob, whole)
      const file = await opened(storage, blob)
      const starts = Array.from({ length: 32 }, (_, i) => i * 18_000)
      const parts = await Promise.all(starts.map(start => file.bytes({ start, end: start + 999 })))
      for (const [i, part] of parts.entries()) {
        const start = starts[i] ?? 0
        sameBytes(part, whole.subarray(start, start + 999), `range ${i}`)
      }
    },
  },
]
