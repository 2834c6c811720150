/** What comes before a name in index.json: blobs that stay until it stands there. */

import { findBlob } from './blob.ts'
import { blobPath } from './digest.ts'
import { isOciError } from './errors.ts'
import type { Layout } from './layout.ts'
import type { Descriptor } from './spec.ts'
import type { AbortOptions, BlobPath, StorageAdapter } from './storage.ts'

/** Blobs, and the name that needs them. */
export interface Publication {
  /** Stores what isn't there. Called again when one of its blobs was taken away. */
  bring(): Promise<void>
  /** Edits index.json; throws `BLOB_MISSING` for a blob that it requires. */
  name(): Promise<void>
  /** The digests that `bring` can bring again. */
  readonly brings: ReadonlySet<string>
}

/** A gc beside us may take a blob between its commit and its entry: then it is brought again. */
const attempts = 5

/** Brings blobs, then names them. */
export async function publishAll({ bring, name, brings }: Publication): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await bring()
    try {
      return await name()
    } catch (error) {
      const mayRetry = attempt < attempts && isOciError(error, 'BLOB_MISSING')
      if (!mayRetry || !brings.has(error.data.digest)) throw error
    }
  }
}

/** Where blobs must be in the layout itself: those in an external place can't go with a gc of this layout. */
export async function ownPaths(
  layout: Layout<StorageAdapter>,
  blobs: Iterable<Descriptor>,
  options: AbortOptions,
): Promise<BlobPath[]> {
  const elsewhere = layout.places.slice(1)
  const paths = new Set<BlobPath>()
  for (const { digest } of blobs) {
    if ((await findBlob(elsewhere, digest, options)) === undefined) paths.add(blobPath(digest))
  }
  return [...paths]
}
