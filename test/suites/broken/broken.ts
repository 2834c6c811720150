/** Wrong adapters, each breaking one promise over a sound one: what the suite must tell from a right one. */

import type {
  AdoptedFile,
  BlobPath,
  DocumentPath,
  Hasher,
  LayoutPath,
  StagedFile,
  StorageAdapter,
  StoredFile,
} from '../../../src/storage.ts'
import { forwarding } from '../forwarding.ts'
import { blobName, pause } from '../material.ts'
import { brokenResumes } from './broken-resumes.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** All wrong adapters. */
export const brokenStorages: readonly BrokenStorage[] = [
  {
    fault: 'publishes before the last byte',
    fails: 'commits nothing before the writable is closed',
    over: sound => withStaged(sound, staged => ({ ...staged, commit: path => commitUnclosed(staged, path) })),
  },
  {
    fault: 'writes a large chunk before the small ones that it gathers',
    fails: 'keeps the order of chunks, whatever small ones stand before, between and behind large ones',
    over: sound => withStaged(sound, overtaking),
  },
  {
    fault: 'shows staged bytes under a blob name',
    fails: 'hides staged bytes until commit',
    over: visibleStaging,
  },
  {
    fault: 'keeps nobody out of an update',
    fails: 'loses none of 64 updates at once',
    over: sound =>
      forwarding(sound, {
        async update(path, edit, options) {
          const next = edit(await bytesAt(sound, path))
          await pause(0)
          if (next !== undefined) await sound.update(path, () => next, options)
        },
      }),
  },
  {
    fault: 'rewrites existing blobs',
    fails: 'lets an existing blob of the same size win',
    over: sound =>
      withStaged(sound, staged => ({
        ...staged,
        async commit(path, options) {
          await sound.remove(() => [path])
          return staged.commit(path, options)
        },
      })),
  },
  {
    fault: 'keeps an existing blob of the wrong size',
    fails: 'replaces an existing blob without bytes, as a crash may leave one',
    over: sound =>
      withStaged(sound, staged => ({
        ...staged,
        async commit(path, options) {
          if ((await sound.open(path)) === undefined) return staged.commit(path, options)
          await staged.discard()
          return 'existed'
        },
      })),
  },
  {
    fault: 'leaves staged bytes after an abort',
    fails: 'leaves nothing behind when aborted between two chunks',
    // The medium never hears of the signal: only the stream that the caller holds ends.
    over: sound => forwarding(sound, { stage: options => stageLeaking(sound, options?.signal) }),
  },
  {
    fault: 'forgets to discard',
    fails: 'discards closed bytes',
    over: sound => withStaged(sound, staged => ({ ...staged, discard: async () => {} })),
  },
  {
    fault: 'adopts the name of a file, and not its bytes',
    fails: 'keeps what it adopted when the other file goes, where it adopts',
    over: sound =>
      withAdopted(sound, adopted => ({
        ...adopted,
        file: {
          ...adopted.file,
          bytes: async range => (await sound.open(blobName(1)))?.bytes(range) ?? new Uint8Array(),
        },
      })),
  },
  {
    fault: 'publishes what it adopts at once',
    fails: 'shows an adopted file whole, and hides it until commit, where it adopts',
    over: sound =>
      forwarding(sound, {
        async adopt(file, options) {
          const adopted = await sound.adopt?.(file, options)
          await adopted?.commit(blobName(2))
          return adopted
        },
      }),
  },
  {
    fault: 'puts an adopted file in the place of one that is there',
    fails: 'lets an existing blob of the same size win over an adopted one, where it adopts',
    over: sound =>
      withAdopted(sound, adopted => ({
        ...adopted,
        async commit(path, options) {
          await sound.remove(() => [path])
          return adopted.commit(path, options)
        },
      })),
  },
  {
    fault: 'forgets to discard what it adopted',
    fails: 'leaves nothing of an adopted file that is discarded, where it adopts',
    over: sound => withAdopted(sound, adopted => ({ ...adopted, discard: async () => {} })),
  },
  {
    fault: 'ignores the end of a range',
    fails: 'reads a range: a part within a chunk',
    over: sound =>
      withFiles(sound, file => ({
        ...file,
        bytes: range => file.bytes({ ...range, end: undefined }),
        stream: range => file.stream({ ...range, end: undefined }),
      })),
  },
  {
    fault: 'hands out its own bytes',
    fails: 'is not altered by a reader that alters its bytes',
    over: sound => {
      const held = new Map<LayoutPath, Promise<Uint8Array>>()
      return withFiles(sound, (file, path) => {
        const bytes = held.get(path) ?? file.bytes()
        held.set(path, bytes)
        return { ...file, bytes: async range => (await bytes).subarray(range?.start, range?.end) }
      })
    },
  },
  {
    fault: 'reads what is there now, whatever was opened',
    fails: 'never reads the bytes of a blob that came in place of the one opened',
    over: sound =>
      withFiles(sound, (file, path) => ({
        ...file,
        bytes: async range => (await sound.open(path))?.bytes(range) ?? new Uint8Array(),
      })),
  },
  {
    fault: 'swallows what edit throws',
    fails: 'passes on what edit throws, and writes nothing',
    over: sound =>
      forwarding(sound, {
        update: (path, edit, options) => sound.update(path, now => quietly(() => edit(now)), options),
      }),
  },
  {
    fault: 'takes no heed of required blobs',
    fails: 'says which required blob is missing, and writes nothing',
    over: sound =>
      forwarding(sound, {
        update: (path, edit, options) => sound.update(path, edit, { ...options, requires: [] }),
      }),
  },
  {
    fault: 'checks required blobs before the exclusive section',
    fails: 'never names a missing blob while a collector without grace runs beside writers',
    over: sound =>
      forwarding(sound, {
        async update(path, edit, options) {
          await sound.update(path, () => undefined, options)
          // What a lock that is only taken now would wait for.
          await pause(5)
          await sound.update(path, edit)
        },
      }),
  },
  {
    fault: 'writes a document in place',
    fails: 'shows readers the old document or the new one, never a mix',
    over: sound =>
      forwarding(sound, {
        async update(path, edit, options) {
          const next = edit(await bytesAt(sound, path))
          if (next === undefined) return
          await sound.update(path, () => next.subarray(0, next.length / 2), options)
          await pause(2)
          await sound.update(path, () => next, options)
        },
      }),
  },
  {
    fault: 'chooses what to remove by an old index',
    fails: 'lets choose see the index as it is now, each time',
    over: sound => {
      let index: Uint8Array | undefined
      return forwarding(sound, {
        remove: (choose, options) =>
          sound.remove(now => {
            index ??= now
            return choose(index)
          }, options),
      })
    },
  },
  {
    fault: 'removes without a look at what was seen',
    fails: 'removes nothing and asks nobody when a blob is not as it was seen',
    over: sound => forwarding(sound, { remove: choose => sound.remove(choose) }),
  },
  {
    fault: 'sweeps whatever its age',
    fails: 'leaves staged bytes that are young',
    over: sound => forwarding(sound, { sweep: () => sound.sweep({ olderThan: 0 }) }),
  },
  {
    fault: 'goes on after close',
    fails: 'rejects update after close',
    over: sound => forwarding(sound, { close: async () => {} }),
  },
  {
    fault: 'lists staged bytes as a file',
    fails: 'lists staged bytes as staged, or not at all',
    over: sound =>
      forwarding(sound, {
        async *list(options) {
          for await (const entry of sound.list(options)) yield { ...entry, kind: 'file' }
        },
      }),
  },
  {
    fault: 'inflates without its dictionary',
    fails: 'inflates a block that reaches back into its dictionary natively, where it does',
    over: sound =>
      forwarding(sound, {
        native: { inflateRaw: (deflated, { size }) => deflated.slice(5, 5 + size) },
      }),
  },
  {
    fault: 'gives the state of a native hasher that is still hashing',
    fails: 'goes on from the state of a native hasher, as often as asked, where it gives one',
    over: sound => {
      const hasher = (): Hasher => {
        let text = ''
        const hash: Hasher = {
          update: bytes => {
            text += bytes.join()
          },
          hex: () => text,
          save: () => ({ restore: () => hash }),
        }
        return hash
      }
      return forwarding(sound, { native: { hasher } })
    },
  },
  ...brokenResumes,
]

function withStaged(sound: StorageAdapter, change: (staged: StagedFile) => StagedFile): StorageAdapter {
  return forwarding(sound, { stage: async options => change(await sound.stage(options)) })
}

function withAdopted(sound: StorageAdapter, change: (adopted: AdoptedFile) => AdoptedFile): StorageAdapter {
  return forwarding(sound, {
    async adopt(file, options) {
      const adopted = await sound.adopt?.(file, options)
      return adopted && change(adopted)
    },
  })
}

function withFiles(
  sound: StorageAdapter,
  change: (file: StoredFile, path: LayoutPath) => StoredFile,
): StorageAdapter {
  return forwarding(sound, {
    async open(path, options) {
      const file = await sound.open(path, options)
      return file && change(file, path)
    },
  })
}

async function bytesAt(sound: StorageAdapter, path: DocumentPath): Promise<Uint8Array | undefined> {
  return (await sound.open(path))?.bytes()
}

async function commitUnclosed(staged: StagedFile, path: BlobPath): Promise<'written' | 'existed'> {
  return staged.commit(path).catch(error => {
    if (error instanceof TypeError) return 'written'
    throw error
  })
}

function visibleStaging(sound: StorageAdapter): StorageAdapter {
  let seen: StoredFile | undefined
  return forwarding(sound, {
    open: async (path, options) => (await sound.open(path, options)) ?? seen,
    async stage(options) {
      const staged = await sound.stage(options)
      const writer = staged.writable.getWriter()
      const writable = new WritableStream<Uint8Array>({
        async write(chunk) {
          await writer.write(chunk)
          seen = {
            size: chunk.length,
            bytes: async () => chunk,
            stream: () => new ReadableStream(),
          }
        },
        close: () => writer.close(),
        abort: reason => writer.abort(reason),
      })
      return { ...staged, writable }
    },
  })
}

async function stageLeaking(sound: StorageAdapter, signal: AbortSignal | undefined): Promise<StagedFile> {
  signal?.throwIfAborted()
  const staged = await sound.stage()
  const writer = staged.writable.getWriter()
  const writable = new WritableStream<Uint8Array>({
    start(controller) {
      signal?.addEventListener('abort', () => controller.error(signal.reason))
    },
    write: chunk => writer.write(chunk),
    close: () => writer.close(),
  })
  return {
    writable,
    async commit(path, options) {
      signal?.throwIfAborted()
      return staged.commit(path, options)
    },
    discard: async () => {
      if (!signal?.aborted) await staged.discard()
    },
  }
}

function quietly<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}

/** Small chunks wait for company, and large ones don't wait for them. */
function overtaking(staged: StagedFile): StagedFile {
  const sink = staged.writable.getWriter()
  const waiting: Uint8Array[] = []
  const writable = new WritableStream<Uint8Array>({
    async write(chunk) {
      if (chunk.length < 65_536) waiting.push(chunk.slice())
      else await sink.write(chunk)
    },
    async close() {
      for (const chunk of waiting) await sink.write(chunk)
      await sink.close()
    },
    abort: reason => sink.abort(reason),
  })
  return { ...staged, writable }
}
