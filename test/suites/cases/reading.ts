/** Reading: whole, lazily, with abort and cancel. */

import type { StorageAdapter } from '../../../src/storage.ts'
import { fails, ok, same, sameBytes } from '../assert.ts'
import { blobName, bytesOf, chunksIn, drain, fill, opened, put, read, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const blob = blobName(1)
const mebibyte = 1024 * 1024

export const readingCases: readonly StorageCase[] = [
  {
    name: 'has a name and all traits',
    async run({ storage }) {
      ok(typeof storage.name === 'string' && storage.name !== '', 'a name')
      for (const trait of [
        'writable',
        'lists',
        'persistent',
        'durable',
        'optimistic',
        'atomicPublish',
        'modifiedTimes',
      ] as const) {
        same(typeof storage.traits[trait], 'boolean', `trait ${trait}`)
      }
      ok(['none', 'instance', 'origin', 'host'].includes(storage.traits.exclusion), 'trait exclusion')
      same(storage.traits.writable, true, 'trait writable of a storage that the suite can write')
    },
  },
  ...(['index.json', 'oci-layout', blob] as const).map(path => ({
    name: `answers the absence of ${path.slice(0, 12)} with undefined`,
    async run({ storage }: { storage: StorageAdapter }) {
      same(await storage.open(path), undefined)
    },
  })),
  ...[0, 1, 2, 4095, 65_536, 262_144, 262_145, 1_048_577].map(size => ({
    name: `gives back ${size} bytes, by stream and at once`,
    async run({ storage }: { storage: StorageAdapter }) {
      same(await put(storage, blob, bytesOf(size)), 'written')
      const file = await opened(storage, blob)
      same(file.size, size, 'size')
      sameBytes(await drain(file.stream()), bytesOf(size), 'stream')
      sameBytes(await file.bytes(), bytesOf(size), 'at once')
    },
  })),
  {
    name: 'gives back several MiB that came in odd chunks',
    async run({ storage }) {
      const whole = bytesOf(5 * mebibyte + 17)
      const chunks: Uint8Array[] = []
      for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 7 + 13) % 300_007) {
        chunks.push(whole.subarray(at, at + size))
      }
      await (await fill(await storage.stage(), chunks)).commit(blob)
      sameBytes(await drain((await opened(storage, blob)).stream()), whole)
    },
  },
  {
    name: 'streams in chunks of at most 1 MiB',
    async run({ storage }) {
      await put(storage, blob, bytesOf(3 * mebibyte + 1))
      for (const chunk of await chunksIn((await opened(storage, blob)).stream())) {
        ok(chunk.length > 0 && chunk.length <= mebibyte, `a chunk of ${chunk.length} bytes`)
      }
    },
  },
  {
    name: 'reads one file by two streams at once',
    async run({ storage }) {
      await put(storage, blob, bytesOf(2 * mebibyte))
      const file = await opened(storage, blob)
      const [a, b] = await Promise.all([drain(file.stream()), drain(file.stream())])
      sameBytes(a, bytesOf(2 * mebibyte), 'first')
      sameBytes(b, bytesOf(2 * mebibyte), 'second')
    },
  },
  {
    name: 'reads one file again and again',
    async run({ storage }) {
      await put(storage, blob, bytesOf(1000))
      const file = await opened(storage, blob)
      for (let i = 0; i < 5; i++) sameBytes(await drain(file.stream()), bytesOf(1000), `read ${i}`)
    },
  },
  {
    name: 'keeps nothing open for a stream that nobody reads',
    async run({ storage }) {
      await put(storage, blob, bytesOf(mebibyte))
      const file = await opened(storage, blob)
      for (let i = 0; i < 200; i++) file.stream()
      same(await storage.remove(() => [blob]), 1, 'removed')
      same(await storage.open(blob), undefined)
    },
  },
  {
    name: 'ends a stream that is cancelled before its first byte',
    async run({ storage }) {
      await put(storage, blob, bytesOf(mebibyte))
      const file = await opened(storage, blob)
      await file.stream().cancel('enough')
      sameBytes(await file.bytes(), bytesOf(mebibyte))
    },
  },
  {
    name: 'ends a stream that is cancelled in its middle',
    async run({ storage }) {
      await put(storage, blob, bytesOf(3 * mebibyte))
      const file = await opened(storage, blob)
      const reader = file.stream().getReader()
      ok((await reader.read()).value?.length, 'a first chunk')
      await reader.cancel('enough')
      same((await reader.read()).done, true, 'done after cancel')
      sameBytes(await file.bytes(), bytesOf(3 * mebibyte))
    },
  },
  {
    name: 'rejects open with the reason of an aborted signal',
    async run({ storage }) {
      const reason = new DOMException('stop', 'AbortError')
      await fails(() => storage.open(blob, { signal: AbortSignal.abort(reason) }), { value: reason })
    },
  },
  {
    name: 'rejects reads with the reason of an aborted signal',
    async run({ storage }) {
      await put(storage, blob, bytesOf(100))
      const file = await opened(storage, blob)
      const reason = new DOMException('stop', 'AbortError')
      const signal = AbortSignal.abort(reason)
      await fails(() => file.bytes({ signal }), { value: reason }, 'bytes')
      await fails(() => drain(file.stream({ signal })), { value: reason }, 'stream')
    },
  },
  {
    name: 'errors a stream with the reason when it is aborted in its middle',
    async run({ storage }) {
      await put(storage, blob, bytesOf(3 * mebibyte))
      const abort = new AbortController()
      const reader = (await opened(storage, blob)).stream({ signal: abort.signal }).getReader()
      await reader.read()
      const reason = new DOMException('stop', 'AbortError')
      abort.abort(reason)
      await fails(() => reader.read(), { value: reason })
    },
  },
  {
    name: 'errors a stream at once when it is aborted while nobody reads',
    async run({ storage }) {
      await put(storage, blob, bytesOf(3 * mebibyte))
      const abort = new AbortController()
      const reader = (await opened(storage, blob)).stream({ signal: abort.signal }).getReader()
      await reader.read()
      const reason = new DOMException('stop', 'AbortError')
      abort.abort(reason)
      await fails(() => reader.closed, { value: reason })
      same(await storage.remove(() => [blob]), 1, 'removed')
    },
  },
  {
    name: 'is not altered by a reader that alters its chunks',
    async run({ storage }) {
      await put(storage, blob, bytesOf(100))
      const file = await opened(storage, blob)
      for (const chunk of await chunksIn(file.stream())) chunk.fill(0)
      sameBytes(await file.bytes(), bytesOf(100), 'the same file')
      sameBytes(await read(storage, blob), bytesOf(100), 'the file opened again')
    },
  },
  {
    name: 'is not altered by a reader that alters its bytes',
    async run({ storage }) {
      await put(storage, blob, bytesOf(100))
      const file = await opened(storage, blob)
      const bytes = await file.bytes()
      bytes.fill(0)
      sameBytes(await file.bytes(), bytesOf(100), 'the same file')
      sameBytes(await read(storage, blob), bytesOf(100), 'the file opened again')
    },
  },
  {
    name: 'is not altered by a reader that alters a document',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{"a":1}'))
      const file = await opened(storage, 'index.json')
      const bytes = await file.bytes()
      bytes.fill(0)
      sameBytes(await file.bytes(), utf8('{"a":1}'), 'the same file')
      sameBytes(await read(storage, 'index.json'), utf8('{"a":1}'), 'the file opened again')
    },
  },
  {
    name: 'gives the time of a file in milliseconds',
    needs: { trait: 'modifiedTimes', has: traits => traits.modifiedTimes },
    async run({ storage }) {
      const before = Date.now()
      await put(storage, blob, bytesOf(10))
      const { modified } = await opened(storage, blob)
      // Disks round and have clocks of their own; seconds in place of milliseconds would be far off.
      ok(modified !== undefined && Math.abs(modified - before) < 60_000, `modified ${modified}`)
    },
  },
  {
    name: 'gives the very bytes as a Blob, where it gives one',
    async run({ storage }) {
      await put(storage, blob, bytesOf(5000))
      const file = await opened(storage, blob)
      if (file.blob === undefined) return
      same(file.blob.size, 5000, 'size')
      sameBytes(new Uint8Array(await file.blob.arrayBuffer()), bytesOf(5000))
    },
  },
]
