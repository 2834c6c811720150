/** Bytes that get a name: verified before they are committed, and kept before they lose the one that they had. */

import { lentPart, readPart } from '../blob.ts'
import { blobPath, createHasher, type DigestAlgorithm, digestOf, verifiableAlgorithm } from '../digest.ts'
import { isOciError } from '../errors.ts'
import type { Digest } from '../spec.ts'
import type { BlobPath, Hasher, RangeOptions, StagedFile, StoredFile } from '../storage.ts'
import { chunksOf } from '../streams.ts'
import { unlessFaulty, type Work } from './work.ts'

/** Verified bytes that have no name yet. */
export type Verified = Pick<StagedFile, 'commit' | 'discard'>

/** A file's digests by both algorithms: where one's name is taken, the other's may be free. */
export type Digests = Readonly<Record<DigestAlgorithm, Digest>>

/** Stages the bytes of a file; `undefined` unless they hash to the digest, also where the file can't be read. */
export async function stageAs(work: Work, file: StoredFile, digest: string): Promise<Verified | undefined> {
  const { storage, engine } = work.layout
  const { signal } = work
  const adopted = await storage.adopt?.(file, { signal })
  const staged = adopted ?? (await storage.stage({ size: file.size, signal }))
  try {
    const algorithm = verifiableAlgorithm(digest)
    const hasher = await createHasher(algorithm, engine.native)
    if ('writable' in staged) await fill(work, staged, chunksRead(work, file, hasher))
    else for await (const _ of chunksRead(work, staged.file, hasher));
    if (`${algorithm}:${hasher.hex()}` === digest) return staged
  } catch (error) {
    await staged.discard()
    if (error instanceof Unreadable) return undefined
    throw error
  }
  await staged.discard()
  return undefined
}

/** Commits what is staged, and leaves nothing behind where that fails. */
export async function commitAs(work: Work, staged: Verified, path: BlobPath): Promise<void> {
  try {
    work.signal?.throwIfAborted()
    await staged.commit(path, { signal: work.signal })
  } finally {
    await staged.discard()
  }
}

/**
 * Keeps the bytes that are found at a path as a blob and gives its digest: by SHA-256, or by SHA-512 where that name holds something wrong,
 * which a commit would replace. `undefined` where both do.
 */
export async function keep(work: Work, file: StoredFile, from: string): Promise<Digest | undefined> {
  const digests = await digestsOf(work, file, from)
  for (const digest of [digests.sha256, digests.sha512]) {
    const path = blobPath(digest)
    const present = await unlessFaulty(work.layout.storage.open(path, work).then(found => ({ found })))
    if (present === undefined) continue
    if (present.found === undefined) {
      const staged = await stageAs(work, file, digest)
      if (staged === undefined) return undefined
      await commitAs(work, staged, path)
      return digest
    }
    if ((await digestsOf(work, present.found, path)).sha256 === digests.sha256) return digest
  }
  return undefined
}

/** The digests of a file of the layout. Throws `STORAGE_CHANGED` where the medium gives fewer bytes than it has. */
export async function digestsOf(work: Work, file: StoredFile, path: string): Promise<Digests> {
  const { storage, engine } = work.layout
  const { native } = engine
  const { signal } = work
  const place = { storage: storage.name, path }
  if (file.size <= oneShotSize && native?.hasher === undefined) {
    const bytes = await readPart(file, place, { signal })
    work.passed(bytes.length)
    return { sha256: await digestOf(bytes), sha512: await digestOf(bytes, { algorithm: 'sha512' }) }
  }
  const sha256 = await createHasher('sha256', native)
  const sha512 = await createHasher('sha512', native)
  for await (const chunk of lentPart(file, place, { signal })) {
    sha256.update(chunk)
    sha512.update(chunk)
    work.passed(chunk.length)
  }
  return { sha256: `sha256:${sha256.hex()}`, sha512: `sha512:${sha512.hex()}` }
}

/** The bytes of a blob of the layout, or a part of them: all that were asked for. */
export function bytesOfBlob(
  { layout, signal }: Work,
  { file, path }: { readonly file: StoredFile; readonly path: string },
  range: RangeOptions = {},
): Promise<Uint8Array> {
  return readPart(file, { storage: layout.storage.name, path }, { ...range, signal })
}

/** Blobs up to this size are hashed at once by Web Crypto: many of them are small, and hashers cost more than bytes. */
const oneShotSize = 8 << 20

/** A file that fails while it is read: another may do, which is not so for the storage that is written. */
class Unreadable extends Error {}

async function* chunksRead(work: Work, file: StoredFile, hasher: Hasher): AsyncGenerator<Uint8Array> {
  const { signal } = work
  try {
    for await (const chunk of chunksOf(file.stream({ signal }), { signal })) {
      hasher.update(chunk)
      work.passed(chunk.length)
      yield chunk
    }
  } catch (cause) {
    if (signal?.aborted || !isOciError(cause)) throw cause
    throw new Unreadable('a source can not be read', { cause })
  }
}

async function fill(work: Work, staged: StagedFile, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const sink = staged.writable.getWriter()
  // A failure is reported by the write or close that meets it; this one would be unhandled.
  sink.closed.catch(() => {})
  for await (const chunk of chunks) await sink.write(chunk)
  work.signal?.throwIfAborted()
  await sink.close()
}
