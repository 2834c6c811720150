/** Update: one exclusive read-modify-write of a document. */

import { fails, ok, same, sameBytes, sameNames } from '../assert.ts'
import {
  addLine,
  blobName,
  bytesOf,
  linesIn,
  namesIn,
  opened,
  pause,
  put,
  read,
  stageBytes,
  utf8,
} from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

export const updateCases: readonly StorageCase[] = [
  ...(['index.json', 'oci-layout'] as const).map(
    (path): StorageCase => ({
      name: `makes ${path}, and gives its bytes to the next edit`,
      async run({ storage }) {
        const seen: (Uint8Array | undefined)[] = []
        for (const text of ['{"v":1}', '{"v":22}', '{}']) {
          await storage.update(path, now => {
            seen.push(now)
            return utf8(text)
          })
          sameBytes(await read(storage, path), utf8(text))
        }
        same(seen[0], undefined, 'the first edit finds nothing')
        sameBytes(seen[1], utf8('{"v":1}'), 'the second edit')
        sameBytes(seen[2], utf8('{"v":22}'), 'the third edit')
      },
    }),
  ),
  {
    name: 'lists a document, and no private file, after an update',
    async run({ storage }) {
      await storage.update('oci-layout', () => utf8('{}'))
      await storage.update('index.json', () => utf8('{}'))
      sameNames(await namesIn(storage), ['oci-layout', 'index.json'])
      same(await storage.sweep({ olderThan: 0 }), 0, 'swept')
    },
  },
  {
    name: 'keeps the two documents apart',
    async run({ storage }) {
      await storage.update('oci-layout', () => utf8('layout'))
      await storage.update('index.json', now => {
        same(now, undefined, 'index.json before')
        return utf8('index')
      })
      sameBytes(await read(storage, 'oci-layout'), utf8('layout'))
      sameBytes(await read(storage, 'index.json'), utf8('index'))
    },
  },
  {
    name: 'writes nothing where there was nothing when edit gives undefined',
    async run({ storage }) {
      await storage.update('index.json', () => undefined)
      same(await storage.open('index.json'), undefined)
      sameNames(await namesIn(storage), [])
    },
  },
  ...[
    { what: 'undefined', give: () => undefined },
    { what: 'the same bytes', give: (now: Uint8Array | undefined) => now },
    { what: 'equal bytes', give: () => utf8('{"v":1}') },
  ].map(
    ({ what, give }): StorageCase => ({
      name: `leaves a document as it is when edit gives ${what}`,
      async run({ storage }) {
        await storage.update('index.json', () => utf8('{"v":1}'))
        const before = await opened(storage, 'index.json')
        await pause(30)
        await storage.update('index.json', give)
        const after = await opened(storage, 'index.json')
        same(after.modified, before.modified, 'modified')
        sameBytes(await before.bytes(), utf8('{"v":1}'), 'as it was opened')
        sameBytes(await after.bytes(), utf8('{"v":1}'))
      },
    }),
  ),
  {
    name: 'passes on what edit throws, and writes nothing',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{"v":1}'))
      const thrown = Object.assign(new Error('no'), { code: 'ENOENT', syscall: 'open' })
      const edit = (): never => {
        throw thrown
      }
      await fails(() => storage.update('index.json', edit), { value: thrown })
      sameBytes(await read(storage, 'index.json'), utf8('{"v":1}'))
      sameNames(await namesIn(storage), ['index.json'])
    },
  },
  {
    name: 'goes on after an edit that threw',
    async run({ storage }) {
      const thrown = new Error('no')
      const failing = (): Promise<unknown> =>
        fails(
          () =>
            storage.update('index.json', () => {
              throw thrown
            }),
          { value: thrown },
        )
      await Promise.all([failing(), addLine(storage, 'a'), failing(), addLine(storage, 'b'), failing()])
      sameNames(await linesIn(storage), ['a', 'b'])
    },
  },
  {
    name: 'is not altered by an edit that alters what it is given',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{"v":1}'))
      await storage.update('index.json', now => {
        now?.fill(0)
        return undefined
      })
      sameBytes(await read(storage, 'index.json'), utf8('{"v":1}'))
    },
  },
  {
    name: 'writes what an edit made by altering what it was given',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('{"v":1}'))
      await storage.update('index.json', now => now?.fill(32))
      sameBytes(await read(storage, 'index.json'), utf8('       '))
    },
  },
  {
    name: 'is not altered by a caller who alters the bytes later',
    async run({ storage }) {
      const bytes = utf8('{"v":1}')
      await storage.update('index.json', () => bytes)
      bytes.fill(0)
      sameBytes(await read(storage, 'index.json'), utf8('{"v":1}'))
    },
  },
  {
    name: 'tells an empty document from none',
    async run({ storage }) {
      await storage.update('index.json', () => new Uint8Array())
      same((await opened(storage, 'index.json')).size, 0, 'size')
      await storage.update('index.json', now => {
        same(now?.length, 0, 'what edit is given')
        return undefined
      })
    },
  },
  {
    name: 'takes documents of several MiB, longer and shorter ones',
    async run({ storage }) {
      for (const size of [3_000_000, 5, 2_000_000, 1_048_576]) {
        await storage.update('index.json', () => bytesOf(size))
        sameBytes(await read(storage, 'index.json'), bytesOf(size), `${size} bytes`)
      }
    },
  },
  {
    name: 'writes when all required blobs are there',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(5))
      await put(storage, 'blobs/sha512/aa', bytesOf(0))
      await storage.update('index.json', () => utf8('{}'), { requires: [blobName(1), 'blobs/sha512/aa'] })
      sameBytes(await read(storage, 'index.json'), utf8('{}'))
    },
  },
  {
    name: 'says which required blob is missing, and writes nothing',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(5))
      const thrown = await fails(
        () => storage.update('index.json', () => utf8('{}'), { requires: [blobName(1), 'blobs/sha512/ab'] }),
        { code: 'BLOB_MISSING' },
      )
      ok(
        thrown instanceof Error &&
          'data' in thrown &&
          JSON.stringify(thrown.data) === '{"digest":"sha512:ab"}',
        'data.digest is the digest of the missing blob',
      )
      same(await storage.open('index.json'), undefined)
    },
  },
  {
    name: 'asks for required blobs also when nothing would be written',
    async run({ storage }) {
      const update = (): Promise<void> =>
        storage.update('index.json', () => undefined, { requires: [blobName(1)] })
      await fails(update, { code: 'BLOB_MISSING' })
    },
  },
  {
    name: 'counts staged bytes as missing until their commit',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(5))
      const update = (): Promise<void> =>
        storage.update('index.json', () => utf8('{}'), { requires: [blobName(1)] })
      await fails(update, { code: 'BLOB_MISSING' })
      await staged.commit(blobName(1))
      await update()
      sameBytes(await read(storage, 'index.json'), utf8('{}'))
    },
  },
  {
    name: 'counts a removed blob as missing',
    async run({ storage }) {
      await put(storage, blobName(1), bytesOf(5))
      await storage.remove(() => [blobName(1)])
      await fails(() => storage.update('index.json', () => utf8('{}'), { requires: [blobName(1)] }), {
        code: 'BLOB_MISSING',
      })
    },
  },
  {
    name: 'updates nothing for an aborted signal',
    async run({ storage }) {
      const reason = new DOMException('stop', 'AbortError')
      const signal = AbortSignal.abort(reason)
      await fails(() => storage.update('index.json', () => utf8('{}'), { signal }), { value: reason })
      sameNames(await namesIn(storage), [])
      await addLine(storage, 'a')
    },
  },
  {
    name: 'updates or does not when aborted in its edit, and lets the next one in',
    async run({ storage }) {
      await storage.update('index.json', () => utf8('old'))
      const abort = new AbortController()
      const reason = new DOMException('stop', 'AbortError')
      const outcome = await storage
        .update(
          'index.json',
          () => {
            abort.abort(reason)
            return utf8('new')
          },
          { signal: abort.signal },
        )
        .then(
          () => 'new',
          error => {
            same(error, reason, 'the reason')
            return 'old'
          },
        )
      sameBytes(await read(storage, 'index.json'), utf8(outcome))
      await addLine(storage, 'next')
      sameNames(await namesIn(storage), ['index.json'])
    },
  },
  {
    name: 'gives up waiting when aborted, and the others go on',
    async run({ storage }) {
      const abort = new AbortController()
      const reason = new DOMException('stop', 'AbortError')
      const outcomes = Array.from({ length: 12 }, (_, i) =>
        storage
          .update(
            'index.json',
            now => new Uint8Array([...(now ?? []), i]),
            i % 3 === 1 ? { signal: abort.signal } : {},
          )
          .then(
            () => true,
            error => {
              same(error, reason, 'the reason')
              return false
            },
          ),
      )
      abort.abort(reason)
      const landed = (await Promise.all(outcomes)).flatMap((done, i) => (done ? [`${i}`] : []))
      sameNames(
        [...((await read(storage, 'index.json')) ?? [])].map(String),
        landed,
        'updates that said that they landed',
      )
      ok(landed.length >= 8, 'those without a signal landed')
    },
  },
]
