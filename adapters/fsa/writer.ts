/** How bytes get into a private file: by the stream that every browser has, or by something faster. */

/** One private file while it is written. The calls never overlap. */
export interface PrivateWriter {
  /** Takes the first `size` bytes of a buffer, for good, and gives one of the same length for what comes next. */
  write(buffer: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer>>
  /** Lets what was written so far outlive the page, where that takes something. */
  settle?(): Promise<void>
  /** All bytes were given: rejects unless the file has them all. */
  close(): Promise<void>
  /** Lets go of the file, whatever became of it. */
  release(): Promise<void>
}

/** Writes by `createWritable`. */
export class StreamWriter implements PrivateWriter {
  readonly #handle: FileSystemFileHandle
  #writable: FileSystemWritableFileStream
  #size = 0

  private constructor(handle: FileSystemFileHandle, writable: FileSystemWritableFileStream) {
    this.#handle = handle
    this.#writable = writable
  }

  static async open(handle: FileSystemFileHandle): Promise<StreamWriter> {
    return new StreamWriter(handle, await handle.createWritable())
  }

  async write(buffer: Uint8Array<ArrayBuffer>, size: number): Promise<Uint8Array<ArrayBuffer>> {
    // WebKit writes all of a view's buffer, whatever part of it the view shows: a part goes as a copy.
    await this.#writable.write(size < buffer.length ? buffer.slice(0, size) : buffer)
    this.#size += size
    return buffer
  }

  async settle(): Promise<void> {
    await this.close()
    this.#writable = await this.#handle.createWritable({ keepExistingData: true })
    await this.#writable.seek(this.#size)
  }

  async close(): Promise<void> {
    await this.#writable.close()
    checkKept((await this.#handle.getFile()).size, this.#size)
  }

  async release(): Promise<void> {
    // Closed or failed already, it has nothing to abort.
    await this.#writable.abort().catch(() => {})
  }
}

/** At the end of its quota a browser may keep less than it was given, without an error. */
export function checkKept(kept: number, given: number): void {
  if (kept !== given) throw new DOMException(`${kept} of ${given} bytes were kept`, 'QuotaExceededError')
}
