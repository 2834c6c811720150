/** XXH64 with the seed 0 in plain JavaScript, for pages that may not have WebAssembly. */

/** A running XXH64 of which the low 32 bits are asked. */
export class PlainXxh64 {
  readonly #lanes = [new Word(), new Word(), new Word(), new Word()] as const
  /** What doesn't fill a stripe yet. */
  readonly #rest = new Uint8Array(stripeSize)
  #size = 0

  constructor() {
    this.reset()
  }

  reset(): void {
    const [a, b, c, d] = this.#lanes
    a.set(prime1).add(prime2)
    b.set(prime2)
    c.set(zero)
    d.set(zero).subtract(prime1)
    this.#size = 0
  }

  update(bytes: Uint8Array): void {
    const filled = this.#size % stripeSize
    this.#size += bytes.length
    let at = 0
    if (filled > 0) {
      const piece = bytes.subarray(0, stripeSize - filled)
      this.#rest.set(piece, filled)
      at = piece.length
      if (filled + at < stripeSize) return
      this.#stripe(this.#rest, 0)
    }
    for (; at + stripeSize <= bytes.length; at += stripeSize) this.#stripe(bytes, at)
    this.#rest.set(bytes.subarray(at))
  }

  /** Takes nothing away: more bytes may come. */
  value(): number {
    const hash = this.#size < stripeSize ? new Word().set(prime5) : this.#merged()
    hash.add({ high: Math.floor(this.#size / 2 ** 32), low: this.#size })
    this.#addRest(hash)
    hash.xor({ high: 0, low: hash.high >>> 1 }).multiply(prime2)
    hash.xor({ high: hash.high >>> 29, low: (hash.high << 3) | (hash.low >>> 29) }).multiply(prime3)
    return (hash.low ^ hash.high) >>> 0
  }

  #stripe(bytes: Uint8Array, at: number): void {
    const [a, b, c, d] = this.#lanes
    round(a, wordAt(bytes, at))
    round(b, wordAt(bytes, at + 8))
    round(c, wordAt(bytes, at + 16))
    round(d, wordAt(bytes, at + 24))
  }

  #merged(): Word {
    const hash = new Word()
    const turns = [1, 7, 12, 18] as const
    for (const [i, lane] of this.#lanes.entries()) hash.add(new Word().set(lane).rotate(turns[i] ?? 0))
    for (const lane of this.#lanes) {
      hash
        .xor(round(new Word(), new Word().set(lane)))
        .multiply(prime1)
        .add(prime4)
    }
    return hash
  }

  #addRest(hash: Word): void {
    const rest = this.#rest.subarray(0, this.#size % stripeSize)
    let at = 0
    for (; at + 8 <= rest.length; at += 8) {
      hash
        .xor(round(new Word(), wordAt(rest, at)))
        .rotate(27)
        .multiply(prime1)
        .add(prime4)
    }
    if (at + 4 <= rest.length) {
      const four = new Word().set({ high: 0, low: lowAt(rest, at) })
      hash.xor(four.multiply(prime1)).rotate(23).multiply(prime2).add(prime3)
      at += 4
    }
    for (const byte of rest.subarray(at)) {
      hash
        .xor(new Word().set({ high: 0, low: byte }).multiply(prime5))
        .rotate(11)
        .multiply(prime1)
    }
  }
}

interface Halves {
  readonly high: number
  readonly low: number
}

/** A number of 64 bits that is changed in place: a BigInt would be a new one at each step, ten times as slow. */
class Word implements Halves {
  high = 0
  low = 0

  set({ high, low }: Halves): this {
    this.high = high | 0
    this.low = low | 0
    return this
  }

  add({ high, low }: Halves): this {
    const sum = (this.low >>> 0) + (low >>> 0)
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0
    this.low = sum | 0
    return this
  }

  subtract({ high, low }: Halves): this {
    const borrow = this.low >>> 0 < low >>> 0 ? 1 : 0
    this.high = (this.high - high - borrow) | 0
    this.low = (this.low - low) | 0
    return this
  }

  multiply({ high, low }: Halves): this {
    const carried = highOfProduct(this.low, low)
    this.high = (Math.imul(this.high, low) + Math.imul(this.low, high) + carried) | 0
    this.low = Math.imul(this.low, low)
    return this
  }

  xor({ high, low }: Halves): this {
    this.high ^= high
    this.low ^= low
    return this
  }

  /** To the left, by 1 to 31. */
  rotate(bits: number): this {
    const { high, low } = this
    this.high = (high << bits) | (low >>> (32 - bits))
    this.low = (low << bits) | (high >>> (32 - bits))
    return this
  }
}

const stripeSize = 32
const zero: Halves = { high: 0, low: 0 }
const prime1: Halves = { high: 0x9e3779b1, low: 0x85ebca87 }
const prime2: Halves = { high: 0xc2b2ae3d, low: 0x27d4eb4f }
const prime3: Halves = { high: 0x165667b1, low: 0x9e3779f9 }
const prime4: Halves = { high: 0x85ebca77, low: 0xc2b2ae63 }
const prime5: Halves = { high: 0x27d4eb2f, low: 0x165667c5 }
/** The input of a round; used again by the next one. */
const input = new Word()

function round(lane: Word, word: Word): Word {
  return lane.add(word.multiply(prime2)).rotate(31).multiply(prime1)
}

function wordAt(bytes: Uint8Array, at: number): Word {
  input.low = lowAt(bytes, at)
  input.high = lowAt(bytes, at + 4)
  return input
}

function lowAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

/** The upper 32 bits of a product of two unsigned numbers of 32 bits. */
function highOfProduct(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)
  const other = Math.imul(aLow, bHigh) + (middle & 0xffff)
  return Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16)
}
