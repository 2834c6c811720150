/** Resume: bytes of one blob that outlive their writer, where the storage has a way; else nothing at all. */

import type {
  BlobPath,
  HashedBytes,
  ResumableFile,
  ResumeOptions,
  StorageAdapter,
  StorageTraits,
} from '../../../src/storage.ts'
import { fails, ok, same, sameBytes, sameNames } from '../assert.ts'
import { blobName, bytesOf, drain, entriesIn, namesIn, put, read, utf8 } from '../material.ts'
import type { CaseContext, StorageCase } from '../storage-case.ts'

const MiB = 1024 * 1024
const bytes = bytesOf(4 * MiB + 12_345)
const size = bytes.length
/** What is written before the writer ends, and how much of it may be held back by a medium that writes in pieces. */
const half = 3 * MiB - 77
const heldBack = MiB
const hour = 3_600_000

const name = blobName(1)
const persistent = {
  trait: 'persistent',
  has: (traits: StorageTraits): boolean => traits.persistent,
} as const

interface Given extends CaseContext {
  /** Begins the blob, or goes on with it. */
  resume(
    options?: Partial<ResumeOptions> & { storage?: StorageAdapter; path?: BlobPath },
  ): Promise<ResumableFile>
}

/** A case for storages that resume: those that can't are asked, and that is all. */
function resuming(
  title: string,
  run: (given: Given) => Promise<void>,
  needs?: StorageCase['needs'],
): StorageCase {
  return {
    name: `${title}, where it resumes`,
    ...(needs && { needs }),
    async run({ storage, open }) {
      const asked = await storage.resume?.(blobName(99), { size })
      await asked?.discard()
      if (asked === undefined) return
      const resume: Given['resume'] = async ({ storage: other = storage, path = name, ...options } = {}) => {
        const part = await other.resume?.(path, { size, ...options })
        ok(part !== undefined, 'nobody else is at it')
        return part
      }
      await run({ storage, open, resume })
    },
  }
}

/** Writes bytes in pieces of many sizes. */
async function write(
  part: ResumableFile,
  given: Uint8Array,
): Promise<WritableStreamDefaultWriter<Uint8Array>> {
  const writer = part.writable.getWriter()
  writer.closed.catch(() => {})
  for (let at = 0, length = 1; at < given.length; at += length, length = (length * 3) % 300_007) {
    await writer.write(given.slice(at, at + length))
  }
  return writer
}

/** Writes the rest of the blob, and publishes it. */
async function finish(part: ResumableFile, whole = bytes): Promise<'written' | 'existed'> {
  const writer = await write(part, whole.subarray(part.kept.size))
  await writer.close()
  return part.commit()
}

/** What is kept is the beginning of what was written, but for what may be held back. */
async function expectKept(part: ResumableFile, written = half): Promise<void> {
  const { kept } = part
  ok(kept.size <= written && kept.size >= written - heldBack, `${kept.size} of ${written} bytes are kept`)
  sameBytes(await drain(kept.stream()), bytes.subarray(0, kept.size), 'kept')
  sameBytes(
    await kept.bytes({ start: 10, end: 70_000 }),
    bytes.subarray(10, 70_000),
    'a part of what is kept',
  )
}

/** A state that can be told from others, of as many bytes as the next writer will find. */
function stateOf(of: number): HashedBytes {
  return {
    size: of,
    state: {
      restore() {
        throw new Error('a storage has no use for it')
      },
    },
  }
}

export const resumingCases: readonly StorageCase[] = [
  resuming('publishes what is written at once, as it is', async ({ storage, resume }) => {
    const part = await resume()
    same(part.kept.size, 0, 'kept')
    same(await finish(part), 'written')
    sameBytes(await read(storage, name), bytes)
    sameNames(await namesIn(storage), [name])
  }),
  resuming('keeps what was written when its writer leaves, and publishes it with the rest', async given => {
    const { storage, resume } = given
    const first = await resume()
    await write(first, bytes.subarray(0, half))
    await first.leave()
    const second = await resume()
    await expectKept(second)
    same(await finish(second), 'written')
    sameBytes(await read(storage, name), bytes)
    sameNames(await namesIn(storage), [name])
  }),
  resuming('keeps what was written through three writers', async ({ storage, resume }) => {
    let kept = 0
    for (const end of [MiB + 1, 2 * MiB + 700_000, 4 * MiB]) {
      const part = await resume()
      ok(part.kept.size >= kept, 'no less than before')
      kept = part.kept.size
      await write(part, bytes.subarray(kept, end))
      await part.leave()
    }
    const last = await resume()
    await expectKept(last, 4 * MiB)
    same(await finish(last), 'written')
    sameBytes(await read(storage, name), bytes)
  }),
  resuming('keeps what was written when aborted', async ({ resume }) => {
    const controller = new AbortController()
    const first = await resume({ signal: controller.signal })
    await write(first, bytes.subarray(0, half))
    const reason = new Error('no more')
    controller.abort(reason)
    await fails(() => first.commit(), { value: reason }, 'commit after the abort')
    await first.leave()
    const second = await resume()
    await expectKept(second)
    await second.discard()
  }),
  resuming(
    'keeps what was written when its stream is aborted, as a source that fails does',
    async ({ resume }) => {
      const first = await resume()
      await (await write(first, bytes.subarray(0, half))).abort(new Error('connection lost'))
      const second = await resume()
      await expectKept(second)
      await second.discard()
    },
  ),
  resuming('keeps all bytes when they are left closed', async ({ storage, resume }) => {
    const first = await resume()
    await (await write(first, bytes)).close()
    await first.leave()
    const second = await resume()
    await expectKept(second, size)
    same(await finish(second), 'written')
    sameBytes(await read(storage, name), bytes)
  }),
  resuming(
    'gives what was left to a storage that is opened after its close',
    async ({ storage, open, resume }) => {
      await write(await resume(), bytes.subarray(0, half))
      await storage.close()
      const later = await open()
      const part = await resume({ storage: later })
      await expectKept(part)
      same(await finish(part), 'written')
      sameBytes(await read(later, name), bytes)
      sameNames(await namesIn(later), [name])
    },
    persistent,
  ),
  resuming('shows what is kept as staged, or not at all', async ({ storage, resume }) => {
    const part = await resume()
    await write(part, bytes.subarray(0, half))
    await part.leave()
    same(await storage.open(name), undefined)
    for (const { path, kind } of await entriesIn(storage)) same(kind, 'staged', path)
  }),
  resuming('gives each blob what is kept of itself', async ({ resume }) => {
    const first = await resume()
    await write(first, bytes.subarray(0, half))
    await first.leave()
    const other = await resume({ path: blobName(2) })
    same(other.kept.size, 0, 'kept of another')
    await other.discard()
    const again = await resume()
    await expectKept(again)
    await again.discard()
  }),
  resuming(
    'leaves nothing of what is discarded, what was kept before neither',
    async ({ storage, resume }) => {
      const first = await resume()
      await write(first, bytes.subarray(0, half))
      await first.leave()
      const second = await resume()
      await write(second, bytes.subarray(second.kept.size, half + 1000))
      await second.discard()
      await second.discard()
      await second.leave()
      sameNames(await namesIn(storage), [])
      await fails(() => second.commit(), { type: TypeError }, 'commit after discard')
      const third = await resume()
      same(third.kept.size, 0, 'kept')
      await third.discard()
      sameNames(await namesIn(storage), [])
    },
  ),
  resuming('sweeps what was left when it is old enough', async ({ storage, resume }) => {
    const first = await resume()
    await write(first, bytes.subarray(0, half))
    await first.leave()
    same(await storage.sweep({ olderThan: hour }), 0, 'young')
    ok((await storage.sweep({ olderThan: 0 })) > 0, 'old enough')
    sameNames(await namesIn(storage), [])
    const second = await resume()
    same(second.kept.size, 0, 'kept')
    same(second.hashed, undefined, 'a state of what is gone')
    await second.discard()
  }),
  resuming('goes on with nothing that is longer than the blob', async ({ resume }) => {
    const first = await resume()
    await write(first, bytes.subarray(0, half))
    await first.leave()
    const second = await resume({ size: MiB })
    same(second.kept.size, 0, 'kept')
    await second.discard()
  }),
  ...stateCases(),
  ...writerCases(),
  ...doorCases(),
]

function stateCases(): readonly StorageCase[] {
  return [
    resuming(
      'gives the state of a hash back with the bytes that it is of, once, or gives none',
      async ({ resume }) => {
        const first = await resume()
        await write(first, bytes.subarray(0, half))
        const left = stateOf(half)
        await first.leave(left)
        const second = await resume()
        ok(second.hashed === undefined || second.hashed === left, 'the state that was left')
        if (second.hashed !== undefined) same(second.kept.size, half, 'kept')
        await write(second, bytes.subarray(second.kept.size, half + 100_000))
        await second.leave()
        const third = await resume()
        same(third.hashed, undefined, 'a state of fewer bytes')
        await third.discard()
      },
    ),
    resuming('gives no state of a hash that is of another number of bytes', async ({ resume }) => {
      for (const wrong of [0, half - 1, half + 1]) {
        const first = await resume()
        await write(first, bytes.subarray(first.kept.size, half))
        await first.leave(stateOf(wrong))
        const second = await resume()
        if (second.kept.size !== wrong) same(second.hashed, undefined, `a state of ${wrong} bytes`)
        await second.discard()
      }
    }),
    resuming(
      'gives no state of a hash to another storage on the place',
      async ({ open, resume }) => {
        const first = await resume()
        await write(first, bytes.subarray(0, half))
        await first.leave(stateOf(half))
        const other = await resume({ storage: await open() })
        same(other.hashed, undefined, 'a state that another has left')
        await other.discard()
      },
      persistent,
    ),
  ]
}

function writerCases(): readonly StorageCase[] {
  return [
    resuming('lets each of two writers of one blob publish its own bytes', ({ storage }) =>
      atOnce(storage, storage),
    ),
    resuming(
      'lets each of two writers of one blob publish its own bytes, through two storages on the place',
      async ({ storage, open }) => atOnce(storage, await open()),
      persistent,
    ),
    resuming(
      'lets another storage on the place go on with what was left while its owner is still open',
      async ({ storage, open, resume }) => {
        const first = await resume()
        await write(first, bytes.subarray(0, half))
        await first.leave()
        const other = await open()
        const second = await resume({ storage: other })
        await expectKept(second)
        same(await finish(second), 'written')
        sameBytes(await read(storage, name), bytes)
        const again = await resume()
        await finish(again)
        sameNames(await namesIn(storage), [name])
      },
      persistent,
    ),
    resuming('lets an existing blob of the same size win over a resumed one', async ({ storage, resume }) => {
      const first = await resume()
      await write(first, bytes.subarray(0, half))
      await first.leave()
      const other = bytesOf(size, 3)
      await put(storage, name, other)
      same(await finish(await resume()), 'existed')
      sameBytes(await read(storage, name), other)
      sameNames(await namesIn(storage), [name])
    }),
    resuming('replaces an existing blob of another size by a resumed one', async ({ storage, resume }) => {
      const first = await resume()
      await write(first, bytes.subarray(0, half))
      await first.leave()
      await put(storage, name, bytesOf(10))
      same(await finish(await resume()), 'written')
      sameBytes(await read(storage, name), bytes)
    }),
    resuming(
      'commits nothing of a resumed file before it is closed, and nothing after it was left',
      async given => {
        const { storage, resume } = given
        const part = await resume()
        const writer = await write(part, bytes)
        await fails(() => part.commit(), { type: TypeError }, 'commit before the close')
        await part.leave()
        await fails(() => part.commit(), { type: TypeError }, 'commit after it was left')
        ok(
          await writer.write(utf8('more')).then(
            () => false,
            () => true,
          ),
          'no more bytes after it was left',
        )
        same(await storage.open(name), undefined)
      },
    ),
  ]
}

/** Two writers in turn, piece by piece, each of bytes of its own; then both commit. */
async function atOnce(storage: StorageAdapter, other: StorageAdapter): Promise<void> {
  const others = bytesOf(size, 2)
  const writers = []
  for (const [at, whole] of [
    [storage, bytes],
    [other, others],
  ] as const) {
    // Whoever comes second may have to stage as usual.
    const part = await at.resume?.(name, { size })
    const staged = part ?? (await at.stage({ size }))
    const kept = part?.kept.size ?? 0
    const commit = (): Promise<unknown> =>
      part?.commit() ?? ('kept' in staged ? staged.commit() : staged.commit(name))
    writers.push({ whole, kept, commit, sink: staged.writable.getWriter() })
  }
  for (let at = 0; at < size; at += 700_000) {
    for (const { sink, whole, kept } of writers)
      await sink.write(whole.slice(Math.max(at, kept), Math.max(at + 700_000, kept)))
  }
  for (const { sink } of writers) await sink.close()
  for (const { commit } of writers) await commit()
  sameBytes(await read(storage, name), bytes, 'those of the first to commit')
  sameNames(await namesIn(storage), [name])
}

function doorCases(): readonly StorageCase[] {
  return [
    {
      name: 'rejects resume after close, where it resumes',
      async run({ storage }) {
        const part = await storage.resume?.(name, { size })
        await storage.close()
        if (part !== undefined) await fails(() => part.commit(), { code: 'STORAGE_CLOSED' })
        if (storage.resume !== undefined)
          await fails(() => storage.resume?.(name, { size }), { code: 'STORAGE_CLOSED' })
      },
    },
    {
      name: 'refuses a name or a size that is none, where it resumes',
      async run({ storage }) {
        if (storage.resume === undefined) return
        for (const path of ['index.json', 'blobs/sha256', 'blobs/../x', '/etc/passwd'])
          await fails(() => storage.resume?.(path as BlobPath, { size }), { type: TypeError }, path)
        for (const wrong of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
          await fails(() => storage.resume?.(name, { size: wrong }), { type: RangeError }, String(wrong))
        sameNames(await namesIn(storage), [])
      },
    },
    {
      name: 'begins nothing when aborted before, where it resumes',
      async run({ storage }) {
        if (storage.resume === undefined) return
        const reason = new Error('no more')
        const signal = AbortSignal.abort(reason)
        await fails(() => storage.resume?.(name, { size, signal }), { value: reason })
        sameNames(await namesIn(storage), [])
      },
    },
  ]
}
