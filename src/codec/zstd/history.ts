/** What a frame has given so far, as far back as its matches may reach, and what of it is still to be passed on. */

const smallest = 262_144

/** Grows with the content and not with what a header claims; beyond its window old bytes go. */
export class History {
  /** The content stands up to `end`. A block adds to it after `reserve`. */
  bytes: Uint8Array = new Uint8Array(0)
  end = 0
  #window = 0
  #taken = 0

  /** Begins a frame. */
  begin(window: number): void {
    this.#window = window
    this.end = 0
    this.#taken = 0
  }

  /** How far back a match may reach. */
  get window(): number {
    return this.#window
  }

  /** Bytes that wait for `take`. */
  get pending(): number {
    return this.end - this.#taken
  }

  /** Makes room for so many bytes behind `end`. */
  reserve(size: number): void {
    if (this.end + size <= this.bytes.length) return
    const kept = Math.max(Math.min(this.end, this.#window), this.pending)
    const dropped = this.end - kept
    const old = this.bytes
    const length = this.#length(kept + size)
    if (length > old.length) {
      this.bytes = new Uint8Array(length)
      this.bytes.set(old.subarray(dropped, this.end))
    } else {
      old.copyWithin(0, dropped, this.end)
    }
    this.end = kept
    this.#taken -= dropped
  }

  /** Adds so many bytes, and gives them to be filled. */
  append(size: number): Uint8Array {
    this.reserve(size)
    this.end += size
    return this.bytes.subarray(this.end - size, this.end)
  }

  /** A copy of what came since the last call. */
  take(): Uint8Array {
    const taken = this.bytes.slice(this.#taken, this.end)
    this.#taken = this.end
    return taken
  }

  /** Twice what there is until the window is full; then a quarter more than it, so that bytes are seldom moved. */
  #length(needed: number): number {
    const most = Math.max(needed, this.#window + Math.max(this.#window >>> 2, smallest))
    return Math.min(most, Math.max(needed, smallest, this.bytes.length * 2))
  }
}
