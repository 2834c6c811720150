/** One version: what was opened gives its own bytes to the end, or says `STORAGE_CHANGED`; never other bytes. */

import { isOciError } from '../../../src/errors.ts'
import type { StoredFile } from '../../../src/storage.ts'
import { ok, sameBytes } from '../assert.ts'
import { blobName, bytesOf, drain, opened, put, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const blob = blobName(1)

async function ownBytesOrChanged(file: StoredFile, own: Uint8Array): Promise<void> {
  for (const read of [() => file.bytes(), () => drain(file.stream())]) {
    try {
      sameBytes(await read(), own, 'of the version that was opened')
    } catch (error) {
      ok(isOciError(error, 'STORAGE_CHANGED'), String(error))
    }
  }
}

export const staleCases: readonly StorageCase[] = [
  {
    name: 'reads the version of a document that was opened, or says that it changed',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{"v":1}'))
      const file = await opened(storage, 'index.json')
      await storage.update('index.json', () => utf8('{"v":2}'))
      await ownBytesOrChanged(file, utf8('{"v":1}'))
      sameBytes(await (await opened(storage, 'index.json')).bytes(), utf8('{"v":2}'), 'opened again')
    },
  },
  {
    name: 'reads the version of a large document that was opened, or says that it changed',
    async run({ storage }) {
      const first = bytesOf(3_000_000, 1)
      await storage.update('index.json', () => first)
      const file = await opened(storage, 'index.json')
      await storage.update('index.json', () => bytesOf(3_000_000, 2))
      await ownBytesOrChanged(file, first)
    },
  },
  {
    name: 'reads a blob that was removed meanwhile, or says that it changed',
    async run({ storage }) {
      await put(storage, blob, bytesOf(5000))
      const file = await opened(storage, blob)
      await storage.remove(() => [blob])
      await ownBytesOrChanged(file, bytesOf(5000))
    },
  },
  {
    name: 'never reads the bytes of a blob that came in place of the one opened',
    async run({ storage }) {
      await put(storage, blob, bytesOf(5000, 1))
      const file = await opened(storage, blob)
      await storage.remove(() => [blob])
      await put(storage, blob, bytesOf(5000, 2))
      await ownBytesOrChanged(file, bytesOf(5000, 1))
    },
  },
  {
    name: 'never mixes two versions in one stream',
    async run({ storage }) {
      const first = bytesOf(3_000_000, 1)
      await put(storage, blob, first)
      const reader = (await opened(storage, blob)).stream().getReader()
      const start = await reader.read()
      await storage.remove(() => [blob])
      await put(storage, blob, bytesOf(3_000_000, 2))
      let at = 0
      for (let next = start; !next.done; ) {
        sameBytes(next.value, first.subarray(at, at + next.value.length), `from byte ${at}`)
        at += next.value.length
        const result = await reader.read().catch(error => {
          ok(isOciError(error, 'STORAGE_CHANGED'), String(error))
        })
        if (result === undefined) return
        next = result
      }
    },
  },
]
