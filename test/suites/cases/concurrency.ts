/** Many at once: no update lost, no reader sees half of one, and index.json never names a blob that isn't there. */

import { isOciError } from '../../../src/errors.ts'
import type { BlobPath, StorageAdapter, StorageTraits } from '../../../src/storage.ts'
import { ok, same, sameNames } from '../assert.ts'
import { addLine, blobName, bytesOf, linesIn, pause, put, read, textOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const writers = Array.from({ length: 64 }, (_, i) => `writer-${i}`)
const excludes = {
  trait: 'exclusion',
  has: (traits: StorageTraits) => traits.exclusion !== 'none' || traits.optimistic,
} as const
const excludesOthers = {
  trait: 'exclusion',
  has: (traits: StorageTraits) =>
    traits.persistent && (traits.exclusion === 'origin' || traits.exclusion === 'host' || traits.optimistic),
} as const

/** Writes a blob, then names it in index.json; it may be collected in between, and then it is written again. */
async function publish(storage: StorageAdapter, path: BlobPath): Promise<void> {
  for (;;) {
    await put(storage, path, bytesOf(500))
    try {
      await storage.update('index.json', now => utf8(`${textOf(now)}${path}\n`), { requires: [path] })
      return
    } catch (error) {
      if (!isOciError(error, 'BLOB_MISSING')) throw error
    }
  }
}

/** Does one thing again and again while another one runs, at least ten times. The failure of either is the result. */
async function beside(again: () => Promise<void>, main: () => Promise<unknown>): Promise<void> {
  let running = true
  const loop = async (): Promise<void> => {
    for (let count = 0; running || count < 10; count++) await again()
  }
  const ended = main().finally(() => {
    running = false
  })
  for (const result of await Promise.allSettled([loop(), ended])) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** Publishes blobs by one storage while another removes, without any grace, what index.json doesn't name. */
async function publishBesideCollector(writer: StorageAdapter, collector: StorageAdapter): Promise<void> {
  const all = Array.from({ length: 16 }, (_, i) => blobName(i))
  const orphan = blobName(1000)
  await put(writer, orphan, bytesOf(500))
  let removed = 0
  let rest = 1
  await beside(
    async () => {
      removed += await collector.remove(index => {
        const named = new Set(textOf(index).split('\n'))
        return [...all, orphan].filter(path => !named.has(path))
      })
      // Ever longer pauses: a collector that never rests would have every writer begin again for ever.
      rest *= 1.5
      await pause(rest)
    },
    () => Promise.all(all.map(path => publish(writer, path))),
  )
  ok(removed > 0, 'the collector removed something')
  sameNames(await linesIn(collector), all)
  for (const path of all) ok((await collector.open(path)) !== undefined, `${path} is named and there`)
}

export const concurrencyCases: readonly StorageCase[] = [
  {
    name: 'loses none of 64 updates at once',
    needs: excludes,
    async run({ storage }) {
      await Promise.all(writers.map(line => addLine(storage, line)))
      sameNames(await linesIn(storage), writers)
    },
  },
  {
    name: 'loses none of 64 updates at once through two storages',
    needs: excludesOthers,
    async run({ storage, open }) {
      const other = await open()
      await Promise.all(writers.map((line, i) => addLine(i % 2 === 0 ? storage : other, line)))
      sameNames(await linesIn(storage), writers)
    },
  },
  {
    name: 'shows readers the old document or the new one, never a mix',
    async run({ storage }) {
      // Each version is one letter, in its own length: half of one, or a mix of two, shows.
      const version = (i: number): Uint8Array =>
        utf8(String.fromCharCode(97 + (i % 26)).repeat(3000 + i * 97))
      await storage.update('index.json', () => version(0))
      await beside(
        async () => {
          const text = textOf(await read(storage, 'index.json'))
          ok(text === text[0]?.repeat(text.length), 'one letter')
          same((text.length - 3000) % 97, 0, 'a whole version: bytes beyond one')
          await pause(0)
        },
        async () => {
          for (let i = 1; i <= 40; i++) await storage.update('index.json', () => version(i))
        },
      )
    },
  },
  {
    name: 'shows readers a whole blob or none while it is committed',
    needs: { trait: 'atomicPublish', has: traits => traits.atomicPublish },
    async run({ storage }) {
      const numbers = Array.from({ length: 8 }, (_, i) => i)
      await beside(
        async () => {
          for (const i of numbers) {
            const size = (await storage.open(blobName(i)))?.size
            ok(size === undefined || size === 300_000, `size ${size}`)
          }
          await pause(0)
        },
        () => Promise.all(numbers.map(i => put(storage, blobName(i), bytesOf(300_000, i)))),
      )
    },
  },
  {
    name: 'never names a missing blob while a collector without grace runs beside writers',
    needs: excludes,
    run: ({ storage }) => publishBesideCollector(storage, storage),
  },
  {
    name: 'never names a missing blob while another storage collects',
    needs: excludesOthers,
    run: async ({ storage, open }) => publishBesideCollector(storage, await open()),
  },
]
