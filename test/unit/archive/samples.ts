/** Archives made by hand, byte by byte, and files that count how they are read. */

import { isOciError, type OciErrorCode } from '../../../src/errors.ts'
import type {
  LayoutPath,
  RangeOptions,
  ReadableStorage,
  StorageEntry,
  StoredFile,
} from '../../../src/storage.ts'
import { storedBytes } from '../../../src/stored-bytes.ts'
import { concat } from '../../../src/streams.ts'
import { emptyDir, writeSample } from '../core/samples.ts'
import { header, member, tar } from '../tar/samples.ts'

/** The files of a layout, by their paths. */
export type Files = ReadonlyMap<string, Uint8Array>

/** A layout of two images, one of them on two layers. */
export async function sampleFiles(): Promise<Files> {
  const dir = await emptyDir()
  await writeSample(dir, { tag: 'app:1' })
  await writeSample(dir, { tag: 'app:2', layers: ['three'.repeat(3000)] })
  return filesIn(dir.storage)
}

/** All files of a layout that a storage lists and opens. */
export async function filesIn(storage: ReadableStorage): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const { path } of await listed(storage)) {
    if (!/^(oci-layout|index\.json|blobs\/\w+\/\w+)$/.test(path)) continue
    const file = await storage.open(path as LayoutPath)
    if (file !== undefined) files.set(path, await file.bytes())
  }
  return files
}

export async function listed(storage: ReadableStorage): Promise<StorageEntry[]> {
  const entries: StorageEntry[] = []
  for await (const entry of storage.list?.() ?? []) entries.push(entry)
  return entries
}

/** The members of a layout's files, each name made by `named`. */
export function membersOf(files: Files, named = (path: string): string => path): Uint8Array[] {
  return Array.from(files, ([path, bytes]) => member({ name: named(path) }, bytes))
}

/** A tar of a layout's files, and of more. */
export function tarOf(files: Files, ...more: readonly Uint8Array[]): Uint8Array {
  return tar(...membersOf(files), ...more)
}

/** A file that says how it was read. */
export class CountingFile implements StoredFile {
  readonly #file: StoredFile
  reads = 0
  bytesRead = 0

  constructor(file: StoredFile) {
    this.#file = file
  }

  get size(): number {
    return this.#file.size
  }

  stream(): ReadableStream<Uint8Array> {
    throw new Error('an archive is never streamed to be opened')
  }

  async bytes(range?: RangeOptions): Promise<Uint8Array> {
    const bytes = await this.#file.bytes(range)
    this.reads++
    this.bytesRead += bytes.length
    return bytes
  }
}

/** A file of any size of which only some places are there; the rest is zeros. */
export function fileOfZeros(size: number, places: ReadonlyMap<number, Uint8Array>): StoredFile {
  const stored = storedBytes(new Uint8Array())
  return {
    size,
    stream: () => stored.stream(),
    async bytes({ start = 0, end = size } = {}) {
      const bytes = new Uint8Array(end - start)
      for (const [at, place] of places) {
        const from = Math.max(start - at, 0)
        const to = Math.min(end - at, place.length)
        if (from < to) bytes.set(place.subarray(from, to), at + from - start)
      }
      return bytes
    },
  }
}

/** A file of one block over and over. */
export function fileOfBlocks(block: Uint8Array, count: number): StoredFile {
  const run = concat(Array.from({ length: 512 }, () => block))
  return {
    ...fileOfZeros(0, new Map()),
    size: block.length * count,
    async bytes({ start = 0, end = block.length * count } = {}) {
      const bytes = new Uint8Array(end - start)
      for (let at = 0; at < bytes.length; ) {
        const piece = run.subarray((start + at) % block.length, run.length).subarray(0, bytes.length - at)
        bytes.set(piece, at)
        at += piece.length
      }
      return bytes
    },
  }
}

/** An archive of so many blobs of `size` bytes, of which only the headers are held in memory. */
export function hugeArchive(files: Files, count: number, size: number): StoredFile {
  const places = new Map([[0, concat(membersOf(files))]])
  let at = places.get(0)?.length ?? 0
  for (let i = 0; i < count; i++) {
    const name = `blobs/sha256/${i.toString(16).padStart(64, '0')}`
    places.set(at, header({ name, size }))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return fileOfZeros(at + 1024, places)
}

/** The code and data of what a promise rejects with. */
export async function faultOf(promise: Promise<unknown>): Promise<{ code: OciErrorCode | string }> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    caught => caught,
  )
  return isOciError(error) ? { code: error.code, ...error.data } : { code: String(error) }
}
