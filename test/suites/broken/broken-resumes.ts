/** Wrong adapters of `resume`: what is kept lost, shared, or taken for what it isn't. */

import type { BlobPath, HashedBytes, ResumableFile, StorageAdapter } from '../../../src/storage.ts'
import { forwarding } from '../forwarding.ts'
import { blobName } from '../material.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** All wrong adapters of that kind. */
export const brokenResumes: readonly BrokenStorage[] = [
  {
    fault: 'drops what a writer leaves',
    fails: 'keeps what was written when its writer leaves, and publishes it with the rest, where it resumes',
    over: sound => withResumed(sound, part => ({ ...part, leave: () => part.discard() })),
  },
  {
    fault: 'drops what is aborted',
    fails: 'keeps what was written when aborted, where it resumes',
    over: sound =>
      forwarding(sound, {
        async resume(path, { signal, ...options }) {
          const part = await sound.resume?.(path, options)
          signal?.addEventListener('abort', () => part?.discard())
          return (
            part && {
              ...part,
              async commit() {
                signal?.throwIfAborted()
                return part.commit()
              },
            }
          )
        },
      }),
  },
  {
    fault: 'drops what its source ends',
    fails: 'keeps what was written when its stream is aborted, as a source that fails does, where it resumes',
    over: sound =>
      withResumed(sound, part => {
        const sink = part.writable.getWriter()
        const writable = new WritableStream<Uint8Array>({
          write: chunk => sink.write(chunk),
          close: () => sink.close(),
          abort: () => part.discard(),
        })
        return { ...part, writable }
      }),
  },
  {
    fault: 'drops what is left when all of it was there',
    fails: 'keeps all bytes when they are left closed, where it resumes',
    over: sound =>
      withResumed(sound, part => ({
        ...part,
        leave: () => (part.writable.locked ? part.discard() : part.leave()),
      })),
  },
  {
    fault: 'goes on behind the first writer alone',
    fails: 'keeps what was written through three writers, where it resumes',
    over: sound => {
      let first: Uint8Array | undefined
      return forwarding(sound, {
        async resume(path, options) {
          const part = await sound.resume?.(path, options)
          const kept = await part?.kept.bytes()
          if (kept?.length) first ??= kept
          return (
            part && (first === undefined ? part : { ...part, kept: { ...part.kept, size: first.length } })
          )
        },
      })
    },
  },
  {
    fault: 'lists what is kept as a file',
    fails: 'shows what is kept as staged, or not at all, where it resumes',
    over: sound =>
      forwarding(sound, {
        async *list(options) {
          for await (const entry of sound.list(options)) yield { ...entry, kind: 'file' }
        },
      }),
  },
  {
    fault: 'keeps the bytes of any blob for any other',
    fails: 'gives each blob what is kept of itself, where it resumes',
    over: sound => forwarding(sound, { resume: async (_, options) => sound.resume?.(blobName(1), options) }),
  },
  {
    fault: 'forgets to discard what it keeps',
    fails: 'leaves nothing of what is discarded, what was kept before neither, where it resumes',
    over: sound => withResumed(sound, part => ({ ...part, discard: () => part.leave() })),
  },
  {
    fault: 'never sweeps',
    fails: 'sweeps what was left when it is old enough, where it resumes',
    over: sound => forwarding(sound, { sweep: async () => 0 }),
  },
  {
    fault: 'goes on with whatever there is',
    fails: 'goes on with nothing that is longer than the blob, where it resumes',
    over: sound =>
      forwarding(sound, {
        resume: async (path, options) => sound.resume?.(path, { ...options, size: Number.MAX_SAFE_INTEGER }),
      }),
  },
  {
    fault: 'gives the last state of a hash for good',
    fails:
      'gives the state of a hash back with the bytes that it is of, once, or gives none, where it resumes',
    over: sound => withStates(sound, (state, size) => state.size <= size),
  },
  {
    fault: 'gives a state of a hash whatever it is of',
    fails: 'gives no state of a hash that is of another number of bytes, where it resumes',
    over: sound => withStates(sound, () => true),
  },
  {
    fault: 'lets two writers of a blob write into one file',
    fails: 'lets each of two writers of one blob publish its own bytes, where it resumes',
    over: sharing,
  },
  {
    fault: 'puts a resumed file in the place of one that is there',
    fails: 'lets an existing blob of the same size win over a resumed one, where it resumes',
    over: sound =>
      withResumed(sound, (part, path) => ({
        ...part,
        async commit(options) {
          await sound.remove(() => [path])
          return part.commit(options)
        },
      })),
  },
  {
    fault: 'keeps an existing blob of the wrong size in the place of a resumed one',
    fails: 'replaces an existing blob of another size by a resumed one, where it resumes',
    over: sound =>
      withResumed(sound, (part, path) => ({
        ...part,
        async commit(options) {
          if ((await sound.open(path)) === undefined) return part.commit(options)
          await part.discard()
          return 'existed'
        },
      })),
  },
  {
    fault: 'publishes a resumed file before its last byte',
    fails:
      'commits nothing of a resumed file before it is closed, and nothing after it was left, where it resumes',
    over: sound =>
      withResumed(sound, part => ({
        ...part,
        commit: options =>
          part.commit(options).catch(error => {
            if (error instanceof TypeError) return 'written'
            throw error
          }),
      })),
  },
  {
    fault: 'resumes after close',
    fails: 'rejects resume after close, where it resumes',
    over: sound => forwarding(sound, { close: async () => {} }),
  },
  {
    fault: 'resumes under any name',
    fails: 'refuses a name or a size that is none, where it resumes',
    over: sound => forwarding(sound, { resume: async (_, options) => sound.resume?.(blobName(1), options) }),
  },
  {
    fault: 'takes no heed of a signal when it resumes',
    fails: 'begins nothing when aborted before, where it resumes',
    over: sound => forwarding(sound, { resume: async (path, { size }) => sound.resume?.(path, { size }) }),
  },
]

function withResumed(
  sound: StorageAdapter,
  change: (part: ResumableFile, path: BlobPath) => ResumableFile,
): StorageAdapter {
  return forwarding(sound, {
    async resume(path, options) {
      const part = await sound.resume?.(path, options)
      return part && change(part, path)
    },
  })
}

/** States are remembered outside of the storage that knows what became of the bytes. */
function withStates(
  sound: StorageAdapter,
  gives: (state: HashedBytes, size: number) => boolean,
): StorageAdapter {
  let last: HashedBytes | undefined
  return withResumed(sound, part => ({
    ...part,
    hashed: last !== undefined && gives(last, part.kept.size) ? last : undefined,
    leave(state) {
      last = state ?? last
      return part.leave(state)
    },
  }))
}

function sharing(sound: StorageAdapter): StorageAdapter {
  let shared: ResumableFile | undefined
  return forwarding(sound, {
    async resume(path, options) {
      const part = await sound.resume?.(path, options)
      if (part === undefined) return shared && { ...shared, commit: async () => 'existed' }
      const sink = part.writable.getWriter()
      const writable = (close: () => Promise<void>): WritableStream<Uint8Array> =>
        new WritableStream({ write: chunk => sink.write(chunk), close })
      shared = { ...part, writable: writable(async () => {}) }
      return { ...part, writable: writable(() => sink.close()) }
    },
  })
}
