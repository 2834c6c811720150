/**
 * Inflate (RFC 1951) that streams, bounds its output chunks and says where the data ends.
 *
 * Our own, because fflate's streaming class keeps its end to itself, checks less than zlib (the complement of a
 * stored length, over-subscribed codes) and, fed in the small pieces that bound its chunks, is several times slower.
 */

import {
  type Entry,
  extraMask,
  extraShift,
  fillTable,
  type HuffmanTable,
  huffmanTable,
  isEnd,
  isMatch,
  lengthMask,
  longCode,
  rootMask,
  valueShift,
} from './huffman.ts'
import {
  codeLengthOrder,
  distanceMeanings,
  fixed,
  literalMeanings,
  longestMatch,
  plainMeanings,
  repeats,
} from './symbols.ts'

/** Invalid deflate data; the member loop turns it into `GZIP_INVALID`. */
export class InflateFault extends Error {}

/** What unpacks one raw deflate stream after another. */
export interface RawInflater {
  /** The final block has ended. */
  readonly ended: boolean
  /**
   * Bytes of the stream decoded so far. Where it is invalid, the byte in which what is wrong begins, or up to 7 bytes further:
   * zlib has read all of it by then.
   */
  readonly offset: number
  /** Begins a new stream. */
  reset(): void
  /** Decodes, and gives chunks that are the caller's own. Returns how many bytes of `input` belong to the stream. */
  push(input: Uint8Array): Generator<Uint8Array, number, undefined>
  /** Gives its memory back; it can't be used any more. */
  end(): void
}

/** Bytes that a match may reach back. */
const windowSize = 32_768
/** The largest chunk that comes out. */
const chunkSize = 262_144

/** With so many bytes in it, the output buffer gives a chunk away before it takes more. */
const fullAt = windowSize + chunkSize
const inputRoom = 65_536
// The decoder looks at up to four bytes from any bit; zeros stand there, and what was read of them is given back.
const inputMargin = 16
// A dynamic block's header is below 600 bytes: 14 bits, 19 lengths of 3 bits, 320 codes of at most 14 bits.

/** One bit for a length of 0: so zlib takes a set without codes, and then misses the code for the block's end. */
const noCode: Entry = 1

type Mode = 'header' | 'stored' | 'codes' | 'end'
const more = Symbol('more input')
type Step = typeof more | InflateFault | undefined

/** One raw deflate stream. */
export class Inflater implements RawInflater {
  #mode: Mode = 'header'
  #last = false
  /** Input that isn't decoded yet, from bit `#bit` to byte `#size`. */
  readonly #input = new Uint8Array(inputRoom + inputMargin)
  readonly #view = new DataView(this.#input.buffer)
  #bit = 0
  #size = 0
  /** Bytes of the stream that are no longer in `#input`. */
  #passed = 0
  /** Output: what matches may reach back to, then what hasn't been given out from `#given` to `#end`. */
  readonly #output = new Uint8Array(fullAt + longestMatch)
  #given = 0
  #end = 0
  #storedLeft = 0
  #literals: HuffmanTable = fixed().literals
  #distances: HuffmanTable = fixed().distances
  readonly #dynamicLiterals = huffmanTable(literalMeanings)
  readonly #dynamicDistances = huffmanTable(distanceMeanings)
  readonly #codeLengths = huffmanTable(plainMeanings)

  /** Begins a new stream, whose matches may reach back into `dictionary`. */
  reset(dictionary?: Uint8Array): void {
    const before = dictionary?.subarray(-windowSize) ?? new Uint8Array(0)
    this.#mode = 'header'
    this.#last = false
    this.#bit = this.#size = this.#passed = 0
    this.#output.set(before)
    this.#given = this.#end = before.length
  }

  /** The final block has ended. */
  get ended(): boolean {
    return this.#mode === 'end'
  }

  /** Bytes of the stream decoded so far. */
  get offset(): number {
    return this.#passed + (this.#bit >>> 3)
  }

  /** Between two blocks, at a byte's border, with all input used: where another piece can be joined. */
  get joinable(): boolean {
    return this.#mode === 'header' && this.#bit === this.#size * 8
  }

  /**
   * Decodes and gives chunks of at most `chunkSize` bytes, which are the caller's own. Returns how many bytes of
   * `input` belong to the stream: all of them until it has ended. Throws `InflateFault`.
   */
  *push(input: Uint8Array): Generator<Uint8Array, number, undefined> {
    let taken = 0
    while (this.#mode !== 'end') {
      const before = this.#keepRest()
      const piece = input.subarray(taken, taken + inputRoom - before)
      if (piece.length === 0) break
      this.#accept(piece, before)
      taken += piece.length
      yield* this.#decode()
    }
    // Whole bytes behind the final block's last bit were never ours.
    if (this.#mode === 'end') {
      const used = (this.#bit + 7) >>> 3
      taken -= this.#size - used
      this.#passed += used
      this.#bit = this.#size = 0
    }
    return taken
  }

  end(): void {}

  /** Moves what isn't decoded yet to the front. */
  #keepRest(): number {
    const from = this.#bit >>> 3
    this.#input.copyWithin(0, from, this.#size)
    this.#bit &= 7
    this.#passed += from
    this.#size -= from
    return this.#size
  }

  #accept(piece: Uint8Array, offset: number): void {
    this.#input.set(piece, offset)
    this.#size = offset + piece.length
    this.#input.fill(0, this.#size, this.#size + inputMargin)
  }

  /** What came before a fault goes out first. */
  *#decode(): Generator<Uint8Array, void, undefined> {
    let step: Step
    while (this.#mode !== 'end') {
      step = this.#tried()
      if (step instanceof InflateFault) break
      if (this.#end >= fullAt) yield this.#giveOut()
      else if (step === more) break
    }
    while (this.#given < this.#end) yield this.#giveOut()
    if (step instanceof InflateFault) throw step
  }

  #tried(): Step {
    try {
      return this.#step()
    } catch (error) {
      if (error instanceof InflateFault) return error
      throw error
    }
  }

  /** Goes on until the output is full, a block's part is done, or (`more`) the input doesn't suffice. */
  #step(): typeof more | undefined {
    if (this.#mode === 'header') return this.#header()
    if (this.#mode === 'stored') return this.#stored()
    return this.#codes()
  }

  /** A chunk for the caller. The window slides only when the room behind it is used up. */
  #giveOut(): Uint8Array {
    const chunk = this.#output.slice(this.#given, Math.min(this.#end, this.#given + chunkSize))
    this.#given += chunk.length
    if (this.#end >= fullAt) {
      const from = Math.min(this.#end - windowSize, this.#given)
      this.#output.copyWithin(0, from, this.#end)
      this.#end -= from
      this.#given -= from
    }
    return chunk
  }

  #header(): typeof more | undefined {
    const available = this.#size * 8
    const head = this.#bits(this.#bit, 3)
    if (this.#bit + 3 > available) return more
    const type = head >>> 1
    if (type === 0) return this.#beginStored(head)
    if (type === 3) throw new InflateFault('a deflate block has the reserved type 3')
    if (type === 1) {
      this.#bit += 3
      this.#literals = fixed().literals
      this.#distances = fixed().distances
    } else if (this.#readTables(this.#bit + 3, available) === more) return more
    this.#last = (head & 1) === 1
    this.#mode = 'codes'
    return undefined
  }

  #beginStored(head: number): typeof more | undefined {
    const at = (this.#bit + 3 + 7) >>> 3
    if (at + 4 > this.#size) return more
    const length = this.#view.getUint16(at, true)
    if ((length ^ 0xffff) !== this.#view.getUint16(at + 2, true)) {
      throw new InflateFault("a stored block's length and its complement differ")
    }
    this.#bit = (at + 4) * 8
    this.#last = (head & 1) === 1
    this.#storedLeft = length
    this.#mode = 'stored'
    return undefined
  }

  #stored(): typeof more | undefined {
    const at = this.#bit >>> 3
    const room = fullAt - this.#end
    const length = Math.min(this.#storedLeft, this.#size - at, room)
    this.#output.set(this.#input.subarray(at, at + length), this.#end)
    this.#end += length
    this.#bit += length * 8
    this.#storedLeft -= length
    if (this.#storedLeft === 0) {
      this.#endBlock()
      return undefined
    }
    return length === room ? undefined : more
  }

  #endBlock(): void {
    this.#mode = this.#last ? 'end' : 'header'
  }

  /** Reads a dynamic block's header as a whole, or leaves `#bit` where it was. */
  #readTables(start: number, available: number): typeof more | undefined {
    const literalCount = this.#bits(start, 5) + 257
    const distanceCount = this.#bits(start + 5, 5) + 1
    const codeCount = this.#bits(start + 10, 4) + 4
    if (start + 14 > available) return more
    if (literalCount > 286 || distanceCount > 30) {
      throw this.#fault(start, 'a dynamic block has too many length or distance symbols')
    }
    let bit = start + 14 + codeCount * 3
    if (bit > available) return more
    const order = new Uint8Array(19)
    for (let i = 0; i < codeCount; i++) {
      order[codeLengthOrder[i] as number] = this.#bits(start + 14 + i * 3, 3)
    }
    if (!fillTable(this.#codeLengths, order, 'complete')) {
      throw this.#fault(bit, 'a dynamic block has an invalid set of code length codes')
    }
    const lengths = new Uint8Array(literalCount + distanceCount)
    bit = this.#readLengths(lengths, bit, available)
    if (bit > available) return more
    this.#bit = bit
    if (lengths[256] === 0) throw new InflateFault('a dynamic block has no code for its end')
    this.#fillDynamic(lengths, literalCount)
    return undefined
  }

  #fillDynamic(lengths: Uint8Array, literalCount: number): void {
    if (!fillTable(this.#dynamicLiterals, lengths.subarray(0, literalCount), 'complete-or-single')) {
      throw new InflateFault('a dynamic block has an invalid set of literal and length codes')
    }
    if (!fillTable(this.#dynamicDistances, lengths.subarray(literalCount), 'complete-or-single')) {
      throw new InflateFault('a dynamic block has an invalid set of distance codes')
    }
    this.#literals = this.#dynamicLiterals
    this.#distances = this.#dynamicDistances
  }

  /** Fills `lengths`; gives the bit behind them, or one beyond `available` when they aren't all there. */
  #readLengths(lengths: Uint8Array, start: number, available: number): number {
    let bit = start
    for (let i = 0; i < lengths.length; ) {
      // Seven bits of a code and seven of a count at most: all that the zeros behind the input could feign.
      const entry = this.#codeLengths.root[this.#bits(bit, 7)] || noCode
      const symbol = entry >>> valueShift
      const repeat = repeats[symbol]
      const next = bit + (entry & lengthMask) + (repeat?.bits ?? 0)
      if (next > available) return available + 1
      if (repeat === undefined) lengths[i++] = symbol
      else {
        const count = repeat.base + this.#bits(next - repeat.bits, repeat.bits)
        if (i + count > lengths.length || (symbol === 16 && i === 0)) {
          throw this.#fault(bit, 'a dynamic block repeats a code length that is not there')
        }
        lengths.fill(symbol === 16 ? (lengths[i - 1] as number) : 0, i, i + count)
        i += count
      }
      bit = next
    }
    return bit
  }

  #bits(at: number, count: number): number {
    return (this.#view.getUint32(at >>> 3, true) >>> (at & 7)) & ((1 << count) - 1)
  }

  /** The hot loop: everything it touches is a local. */
  #codes(): typeof more | undefined {
    const view = this.#view
    const output = this.#output
    const literals = this.#literals
    const distances = this.#distances
    const literalRoot = literals.root
    const distanceRoot = distances.root
    const available = this.#size * 8
    let bit = this.#bit
    let end = this.#end
    let result: typeof more | undefined
    while (end < fullAt) {
      let word = view.getUint32(bit >>> 3, true) >>> (bit & 7)
      let entry: Entry = literalRoot[word & rootMask] as number
      if (entry === 0) entry = longCode(literals, word)
      let next = bit + (entry & lengthMask)
      if (next > available || entry === 0) {
        if (entry === 0 && bit + literals.invalidBits <= available) {
          this.#end = end
          throw this.#fault(bit, 'invalid literal or length code')
        }
        result = more
        break
      }
      if (entry < isMatch) {
        output[end++] = entry >>> valueShift
        bit = next
        continue
      }
      if (entry >= isEnd) {
        bit = next
        this.#endBlock()
        break
      }
      const lengthExtra = (entry >>> extraShift) & extraMask
      const length =
        ((entry & ~isMatch) >>> valueShift) + ((word >>> (entry & lengthMask)) & ((1 << lengthExtra) - 1))
      next += lengthExtra
      word = view.getUint32(next >>> 3, true) >>> (next & 7)
      entry = distanceRoot[word & rootMask] as number
      if (entry === 0) entry = longCode(distances, word)
      if (entry === 0) {
        if (next + distances.invalidBits <= available) {
          this.#end = end
          throw this.#fault(bit, 'invalid distance code')
        }
        result = more
        break
      }
      next += entry & lengthMask
      const distanceExtra = (entry >>> extraShift) & extraMask
      word = view.getUint32(next >>> 3, true) >>> (next & 7)
      const distance = (entry >>> valueShift) + (word & ((1 << distanceExtra) - 1))
      next += distanceExtra
      if (next > available) {
        result = more
        break
      }
      if (distance > end) {
        this.#end = end
        throw this.#fault(bit, 'a match reaches back before the start')
      }
      bit = next
      const stop = end + length
      for (let from = end - distance; end < stop; ) output[end++] = output[from++] as number
    }
    this.#bit = bit
    this.#end = end
    return result
  }

  /** A fault at a bit, which `offset` then tells. */
  #fault(bit: number, reason: string): InflateFault {
    this.#bit = bit
    return new InflateFault(reason)
  }
}
