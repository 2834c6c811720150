/** Writes by a sync access handle: the fastest way into the private file system, in dedicated workers. */

import { domNameOf } from '../../src/faults.ts'
import { isSyncable, type SyncAccessHandle } from './platform.ts'
import { unsupported } from './worker-protocol.ts'
import { checkKept, type PrivateWriter } from './writer.ts'

// Safari has 252 of them for an origin, which may have other tabs.
const mostOpen = 64
// What waits for the disk at the end is no more than this, or a close would hold up an abort.
const flushSize = 8 * 1024 * 1024

let openHandles = 0

/** A private file under a sync access handle. It locks the file, so nobody reads or moves it until the end. */
export class SyncWriter implements PrivateWriter {
  readonly #access: SyncAccessHandle
  #size: number
  #flushedSize: number
  #open = true

  private constructor(access: SyncAccessHandle, at: number) {
    this.#access = access
    this.#size = at
    this.#flushedSize = at
  }

  /**
   * Opens a file that has `at` bytes, behind which the next ones go.
   *
   * `undefined` where it has not, the browser gives no handle, or too many are open: then the stream says why, or works.
   * Rejects with `NotSupportedError` where it never will (WebKitGTK), and the file is locked for good there.
   */
  static async open(handle: FileSystemFileHandle, at: number): Promise<SyncWriter | undefined> {
    if (openHandles >= mostOpen || !isSyncable(handle)) return undefined
    openHandles++
    try {
      const writer = new SyncWriter(await handle.createSyncAccessHandle(), at)
      if (at === 0 || writer.#isAt(at)) return writer
      writer.#end()
      return undefined
    } catch (error) {
      openHandles--
      if (domNameOf(error) === unsupported) throw error
      return undefined
    }
  }

  async write(buffer: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const written = this.#access.write(buffer.subarray(0, size), { at: this.#size })
    checkKept(written, size)
    this.#size += size
    if (this.#size - this.#flushedSize >= flushSize) this.#flush()
    return buffer
  }

  async close(): Promise<void> {
    this.#flush()
    checkKept(this.#access.getSize(), this.#size)
    this.#end()
  }

  async release(): Promise<void> {
    if (this.#open) this.#end()
  }

  #isAt(size: number): boolean {
    try {
      return this.#access.getSize() === size
    } catch {
      return false
    }
  }

  #flush(): void {
    this.#access.flush()
    this.#flushedSize = this.#size
  }

  #end(): void {
    this.#open = false
    openHandles--
    this.#access.close()
  }
}
