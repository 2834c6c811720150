/** A storage that forwards everything: the base of wrappers, and the proof that the contract can be wrapped. */

import type {
  AbortOptions,
  AdoptedFile,
  BlobPath,
  ResumableFile,
  ResumeOptions,
  StorageAdapter,
  StoredFile,
} from '../../src/storage.ts'

/** A storage over another one, with some methods of its own; the rest is the other's. */
export function forwarding(inner: StorageAdapter, own: Partial<StorageAdapter> = {}): StorageAdapter {
  return {
    name: inner.name,
    traits: inner.traits,
    native: inner.native,
    get lostSince() {
      return inner.lostSince
    },
    open: (path, options) => inner.open(path, options),
    list: options => inner.list(options),
    stage: async options => {
      const staged = await inner.stage(options)
      return {
        writable: staged.writable,
        commit: (path, commitOptions) => staged.commit(path, commitOptions),
        discard: () => staged.discard(),
      }
    },
    // Only where the other has it: its presence says that it may work.
    ...(inner.adopt && { adopt: (file, options) => adoptBy(inner, file, options) }),
    ...(inner.resume && { resume: (path, options) => resumeBy(inner, path, options) }),
    update: (path, edit, options) => inner.update(path, edit, options),
    remove: (choose, options) => inner.remove(choose, options),
    sweep: options => inner.sweep(options),
    close: () => inner.close(),
    ...own,
  }
}

async function adoptBy(
  inner: StorageAdapter,
  file: StoredFile,
  options: AbortOptions | undefined,
): Promise<AdoptedFile | undefined> {
  const adopted = await inner.adopt?.(file, options)
  return (
    adopted && {
      file: adopted.file,
      commit: (path, commitOptions) => adopted.commit(path, commitOptions),
      discard: () => adopted.discard(),
    }
  )
}

async function resumeBy(
  inner: StorageAdapter,
  path: BlobPath,
  options: ResumeOptions,
): Promise<ResumableFile | undefined> {
  const resumed = await inner.resume?.(path, options)
  return (
    resumed && {
      kept: resumed.kept,
      hashed: resumed.hashed,
      writable: resumed.writable,
      commit: commitOptions => resumed.commit(commitOptions),
      leave: hashed => resumed.leave(hashed),
      discard: () => resumed.discard(),
    }
  )
}
