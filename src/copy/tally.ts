/** How far a copy is, and what it came to. */

import type { Progress } from '../progress.ts'
import type { Descriptor } from '../spec.ts'
import { type Arrival, type BlobCopyOptions, copyBlob, type Route } from './blob.ts'

/** Sums of a copy. */
export interface CopyCounts {
  /** Blobs brought. */
  readonly copied: number
  /** Blobs of `copied` that share their bytes with the source's: a clone of the disk's blocks, or a link. */
  readonly shared: number
  /** Blobs of `copied` of which a copy that was ended had brought a part: only the rest was moved. */
  readonly resumed: number
  /** Blobs that were there. */
  readonly present: number
  /** Bytes of the blobs brought, shared ones too. */
  readonly bytes: number
}

/** What has come so far: no blob is counted twice, though it may have to be brought twice. */
export class CopyTally {
  readonly #total: number
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #resume: boolean | undefined
  readonly #arrivals = new Map<Descriptor, Arrival>()
  readonly #passed = new Map<Descriptor, number>()
  #bytes = 0
  #told: number | undefined

  constructor(blobs: readonly Descriptor[], { onProgress, resume }: BlobCopyOptions) {
    this.#total = blobs.reduce((sum, { size }) => sum + size, 0)
    this.#onProgress = onProgress
    this.#resume = resume
  }

  /** Copies one of the blobs. */
  async copy(route: Route, blob: Descriptor, signal: AbortSignal): Promise<void> {
    const onProgress = ({ bytes }: Progress): void => {
      this.#pass(blob, bytes)
      this.#tell()
    }
    const arrival = await copyBlob(route, blob, { signal, onProgress, resume: this.#resume })
    const before = this.#arrivals.get(blob)
    if (before === undefined || before === 'present') this.#arrivals.set(blob, arrival)
    this.#pass(blob, blob.size)
  }

  /** What was there at the end is told too, but nothing at all where nothing moved. */
  end(): void {
    if (this.#told !== undefined && this.#told < this.#total) this.#tell()
  }

  /** What it came to. */
  counts(): CopyCounts {
    const brought = [...this.#arrivals].filter(([, arrival]) => arrival !== 'present')
    const count = (how: Arrival): number => brought.filter(([, arrival]) => arrival === how).length
    return {
      copied: brought.length,
      shared: count('shared'),
      resumed: count('resumed'),
      present: this.#arrivals.size - brought.length,
      bytes: brought.reduce((sum, [{ size }]) => sum + size, 0),
    }
  }

  #pass(blob: Descriptor, bytes: number): void {
    const before = this.#passed.get(blob) ?? 0
    if (bytes <= before) return
    this.#passed.set(blob, bytes)
    this.#bytes += bytes - before
  }

  #tell(): void {
    this.#told = this.#bytes
    this.#onProgress?.({ bytes: this.#bytes, total: this.#total })
  }
}
