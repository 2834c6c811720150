/** A source with one large blob, which tells what was read of it, and can break off. */

import { memory } from '../../../adapters/memory.ts'
import { blobPath, createHasher } from '../../../src/digest.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Descriptor } from '../../../src/spec.ts'
import type { BlobPath, Hasher, StorageAdapter, StoredFile } from '../../../src/storage.ts'
import { forwarding } from '../../suites/forwarding.ts'
import { seeded } from '../../suites/seeded-bytes.ts'

/** Bytes of the large blob: some chunks of every medium more than are needed to resume. */
export const largeSize = 6 * 1024 * 1024 + 4321

/** The tag of its image. */
export const largeTag = 'large'

/** A layout of one image with a large layer. None of its files can be adopted. */
export class LargeSource {
  readonly storage: StorageAdapter
  readonly layer: Descriptor
  readonly bytes: Uint8Array
  /** Bytes read of the large blob since it was set to zero. */
  read = 0
  /** After so many bytes of one stream the source breaks off, by this error, or as if it were at its end. */
  breaksOff: { readonly after: number; readonly error?: Error | undefined } | undefined
  /** Awaited before each chunk: a slow line. */
  rest: () => Promise<void> = async () => {}
  /** Changes what is read. */
  change: (chunk: Uint8Array) => Uint8Array = chunk => chunk

  private constructor(storage: StorageAdapter, layer: Descriptor, bytes: Uint8Array) {
    this.layer = layer
    this.bytes = bytes
    this.storage = forwarding(storage, {
      open: async (path, options) => {
        const file = await storage.open(path, options)
        return file && path === this.path ? this.#watched(file) : file && { ...file }
      },
    })
  }

  /** Makes one. */
  static async make(seed = 1, size: number = largeSize): Promise<LargeSource> {
    const bytes = seeded(size, seed)
    const made = await OciDir.ensure(memory('source'))
    const layer = await made.writeLayer(bytes)
    await made.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer), { tag: largeTag })
    return new LargeSource(made.storage, layer.descriptor, bytes)
  }

  /** As a layout. */
  dir(): Promise<OciDir> {
    return OciDir.open(this.storage)
  }

  /** Where the large blob is. */
  get path(): BlobPath {
    return blobPath(this.layer.digest)
  }

  #watched(file: StoredFile): StoredFile {
    return {
      size: file.size,
      bytes: range => file.bytes(range),
      stream: range => {
        const reader = file.stream(range).getReader()
        let given = 0
        return new ReadableStream<Uint8Array>(
          {
            pull: async controller => {
              await this.rest()
              const left = (this.breaksOff?.after ?? Number.POSITIVE_INFINITY) - given
              const next = left > 0 ? await reader.read() : undefined
              if (next?.done) return controller.close()
              if (next === undefined) return this.#breakOff(controller)
              const chunk = next.value.subarray(0, Math.min(next.value.length, left))
              given += chunk.length
              this.read += chunk.length
              controller.enqueue(this.change(chunk))
            },
            cancel: reason => reader.cancel(reason),
          },
          { highWaterMark: 0 },
        )
      },
    }
  }

  #breakOff(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.breaksOff?.error === undefined) controller.close()
    else controller.error(this.breaksOff.error)
  }
}

/** A storage as a careless one would be: it believes that what is kept is what was written, and has its hash at hand. */
export function trusting(storage: StorageAdapter, source: LargeSource): StorageAdapter {
  return forwarding(storage, {
    async resume(path, options) {
      const part = await storage.resume?.(path, options)
      const restore = async (): Promise<Hasher> => {
        const hasher = await createHasher('sha256')
        hasher.update(source.bytes.subarray(0, part?.kept.size))
        return hasher
      }
      return part && { ...part, hashed: { size: part.kept.size, state: { restore } } }
    },
  })
}
