/** A read-only storage over a plain map, so that a test can break any byte of a layout. */

import {
  type ReadableStorage,
  readOnlyTraits,
  type StorageEntry,
  type StoredFile,
} from '../../../src/storage.ts'

export class RawStorage implements ReadableStorage {
  readonly name = 'raw'
  readonly traits = readOnlyTraits
  readonly files: Map<string, Uint8Array>
  readonly opened: string[] = []

  constructor(files: Iterable<readonly [string, Uint8Array | string]> = []) {
    this.files = new Map([...files].map(([path, bytes]) => [path, bytesOf(bytes)]))
  }

  /** A copy of all that another storage holds. */
  static async copyOf(storage: ReadableStorage): Promise<RawStorage> {
    const copy = new RawStorage()
    for await (const { path } of storage.list?.() ?? []) {
      const file = await storage.open(path as 'index.json')
      if (file !== undefined) copy.files.set(path, await file.bytes())
    }
    return copy
  }

  /** Replaces a file by what `change` makes of it, or removes it. */
  change(path: string, change: (bytes: Uint8Array) => Uint8Array | string | undefined): void {
    const next = change(this.files.get(path) ?? new Uint8Array())
    if (next === undefined) this.files.delete(path)
    else this.files.set(path, bytesOf(next))
  }

  /** The JSON of a file, changed. */
  edit(path: string, change: (value: Record<string, unknown>) => unknown): void {
    this.change(path, bytes => JSON.stringify(change(JSON.parse(new TextDecoder().decode(bytes)))))
  }

  async open(path: string): Promise<StoredFile | undefined> {
    this.opened.push(path)
    const bytes = this.files.get(path)
    if (bytes === undefined) return undefined
    const slice = (range: { start?: number | undefined; end?: number | undefined } = {}): Uint8Array =>
      bytes.slice(range.start ?? 0, range.end ?? bytes.length)
    return {
      size: bytes.length,
      bytes: async range => slice(range),
      stream: range =>
        new ReadableStream({
          start(controller) {
            const part = slice(range)
            // Several chunks, so that nothing relies on getting a blob at once.
            for (let at = 0; at < part.length; at += 1000) controller.enqueue(part.slice(at, at + 1000))
            controller.close()
          },
        }),
    }
  }

  async *list(): AsyncGenerator<StorageEntry> {
    for (const [path, bytes] of this.files) yield { path, kind: 'file', size: bytes.length }
  }
}

function bytesOf(value: Uint8Array | string): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value
}
