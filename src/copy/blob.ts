/** One blob from a layout to another: the one place where blobs move, as bytes and verified. */

import { BlobWriter, checkExpected, findBlob, openBlob, writeBlob } from '../blob.ts'
import { blobPath, isVerifiable } from '../digest.ts'
import { OciError } from '../errors.ts'
import type { Layout } from '../layout.ts'
import type { ProgressOptions } from '../progress.ts'
import type { Descriptor } from '../spec.ts'
import type { StagedFile, StorageAdapter, StoredFile } from '../storage.ts'
import { storedDigest } from '../stored-digest.ts'
import { lentChunksOf } from '../streams.ts'
import { copyResumable, type Passage, type Resumption } from './resume.ts'

/** The two layouts of a copy. */
export interface Route {
  readonly from: Layout
  readonly to: Layout<StorageAdapter>
}

/** How a blob came to be in the target: it was, its bytes moved, all or the rest of them, or both places share them. */
export type Arrival = 'present' | 'shared' | Resumption

/** How one blob is copied. */
export interface BlobCopyOptions extends ProgressOptions {
  /** Whether what has come of a large blob stays when the copy is ended, and is gone on with: not unless given. */
  readonly resume?: boolean | undefined
}

/**
 * Copies one blob unless one of its size is there. Nothing is published but verified bytes; of a digest that can't be
 * verified here, bytes of the right size.
 */
export async function copyBlob(
  { from, to }: Route,
  descriptor: Descriptor,
  options: BlobCopyOptions = {},
): Promise<Arrival> {
  const present = await findBlob(to.places, descriptor.digest, options)
  if (present?.size === descriptor.size) return 'present'
  const passage = { from, to, file: await openBlob(from.places, descriptor, options) }
  if (await shareBlob(passage, descriptor, options)) return 'shared'
  const resumed = options.resume ? await copyResumable(passage, descriptor, options) : undefined
  if (resumed !== undefined) return resumed
  await (isVerifiable(descriptor.digest)
    ? writeVerified(passage, descriptor, options)
    : writeUnverified(passage, descriptor, options))
  return 'copied'
}

/** What is verified is what the storage made of the file, so nothing can change between the look and the commit. */
async function shareBlob(
  { file, to }: Passage,
  descriptor: Descriptor,
  options: ProgressOptions,
): Promise<boolean> {
  const { signal } = options
  const adopted = await to.storage.adopt?.(file, { signal })
  if (adopted === undefined) return false
  try {
    const { digest } = descriptor
    if (isVerifiable(digest)) await checkAdopted(adopted.file, { to, descriptor }, options)
    else {
      const bytes = lentChunksOf(adopted.file.stream({ signal }), { signal })
      await counted(bytes, descriptor, { ...options, each: async () => {} })
    }
    signal?.throwIfAborted()
    await adopted.commit(blobPath(digest), { signal })
    return true
  } finally {
    await adopted.discard()
  }
}

/** Hashed where that is fastest. */
async function checkAdopted(
  file: StoredFile,
  { to, descriptor }: { readonly to: Layout<StorageAdapter>; readonly descriptor: Descriptor },
  { signal, onProgress }: ProgressOptions,
): Promise<void> {
  const { digest, size } = descriptor
  let bytes = 0
  const onBytes = (more: number): void => {
    bytes += more
    if (more > 0) onProgress?.({ bytes, total: size })
  }
  // A wrong size is cheap to see.
  checkExpected({ digest, size: file.size }, { size })
  const options = { engine: to.engine, storage: to.storage.name, signal, onBytes }
  checkExpected({ digest: await storedDigest(file, digest, options), size: file.size }, { digest })
}

async function writeVerified(
  { file, to }: Passage,
  { digest, size, mediaType }: Descriptor,
  options: ProgressOptions,
): Promise<void> {
  const { signal } = options
  const expected = { digest, size }
  const writer = await BlobWriter.create(to.storage, to.engine, { ...options, mediaType, expected })
  await writeBlob(writer, lentChunksOf(file.stream({ signal }), { signal }))
}

async function writeUnverified(
  { file, to }: Passage,
  descriptor: Descriptor,
  options: ProgressOptions,
): Promise<void> {
  const { signal } = options
  const staged = await to.storage.stage({ size: descriptor.size, signal })
  try {
    const source = lentChunksOf(file.stream({ signal }), { signal })
    await writeAll(staged, write => counted(source, descriptor, { ...options, each: write }))
    signal?.throwIfAborted()
    await staged.commit(blobPath(descriptor.digest), { signal })
  } finally {
    await staged.discard()
  }
}

async function writeAll(
  staged: StagedFile,
  filling: (write: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const sink = staged.writable.getWriter()
  // A failure is reported by the write or close that meets it; this one would be unhandled.
  sink.closed.catch(() => {})
  await filling(chunk => sink.write(chunk))
  await sink.close()
}

/** Passes the chunks on. Throws `SIZE_MISMATCH` unless they are as many bytes as the descriptor says. */
async function counted(
  chunks: AsyncIterable<Uint8Array>,
  { digest, size }: Descriptor,
  options: ProgressOptions & { each(chunk: Uint8Array): Promise<void> },
): Promise<void> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > size) break
    await options.each(chunk)
    options.onProgress?.({ bytes, total: size })
  }
  if (bytes !== size) throw new OciError('SIZE_MISMATCH', { expected: size, found: bytes, where: digest })
}
