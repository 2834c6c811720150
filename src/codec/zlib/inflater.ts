/** Inflate by zlib's WebAssembly: two to three times as fast as our own, with the same chunks, ends and faults. */

import { InflateFault, type RawInflater } from '../inflate.ts'
import { zlibModule } from './carried.ts'
import { statusOf, ZlibBuffer, type ZlibExports, zlibCodes, zlibInstance } from './module.ts'

const inputRoom = 65_536
/** The largest chunk that comes out. */
const chunkSize = 262_144

/** One raw deflate stream after another. `end` gives its memory back. */
export class ZlibInflater implements RawInflater {
  readonly #wasm: ZlibExports
  readonly #input: ZlibBuffer
  readonly #output: ZlibBuffer
  #stream = 0
  #passed = 0
  #ended = false

  private constructor(wasm: ZlibExports) {
    this.#wasm = wasm
    this.#input = new ZlibBuffer(wasm)
    this.#output = new ZlibBuffer(wasm)
    this.#input.reserve(inputRoom)
    this.#output.reserve(chunkSize)
  }

  /** Throws `UNSUPPORTED` where WebAssembly is missing or forbidden. */
  static async create(): Promise<ZlibInflater> {
    shared ??= zlibModule().then(zlibInstance)
    shared.catch(() => {
      shared = undefined
    })
    return new ZlibInflater(await shared)
  }

  get ended(): boolean {
    return this.#ended
  }

  get offset(): number {
    return this.#passed
  }

  reset(): void {
    this.#drop()
    this.#stream = this.#wasm.inflate_new()
    this.#wasm.inflate_init_raw(this.#stream)
    this.#passed = 0
    this.#ended = false
  }

  *push(input: Uint8Array): Generator<Uint8Array, number, undefined> {
    let taken = 0
    while (taken < input.length && !this.#ended) {
      const piece = input.subarray(taken, taken + inputRoom)
      taken += yield* this.#piece(piece)
    }
    return taken
  }

  /** The stream must not be used any more. */
  end(): void {
    this.#drop()
    this.#input.release()
    this.#output.release()
  }

  *#piece(piece: Uint8Array): Generator<Uint8Array, number, undefined> {
    const wasm = this.#wasm
    let taken = 0
    this.#input.put(piece)
    for (;;) {
      const { code, count } = statusOf(
        wasm.inflate_process(
          this.#stream,
          this.#input.address + taken,
          piece.length - taken,
          this.#output.address,
          chunkSize,
          zlibCodes.none,
        ),
      )
      // What came before a fault goes out first, as far as it is known.
      const isFault = code < 0 && code !== zlibCodes.bufferError
      const used = wasm.inflate_last_consumed(this.#stream)
      taken += used
      this.#passed += used
      this.#ended = code === zlibCodes.streamEnd
      if (count > 0) yield this.#output.view(0, count).slice()
      if (isFault) throw faultOf(wasm, this.#stream)
      // A full chunk may have more behind it, also when all input is used.
      if (this.#ended || (taken === piece.length && count < chunkSize)) return taken
    }
  }

  #drop(): void {
    if (this.#stream !== 0) this.#wasm.inflate_end(this.#stream)
    this.#stream = 0
  }
}

// All streams of a thread are of one instance: each has its own state and buffers in it.
let shared: Promise<ZlibExports> | undefined

/** zlib's complaint, in the words of our own inflater. */
export function faultOf(wasm: ZlibExports, stream: number): InflateFault {
  const memory = new Uint8Array(wasm.memory.buffer)
  const address = new DataView(wasm.memory.buffer).getUint32(stream + messageField, true)
  const end = address === 0 ? 0 : memory.indexOf(0, address)
  const said = new TextDecoder().decode(memory.slice(address, end))
  return new InflateFault(reasons[said] ?? `invalid deflate data: ${said}`)
}

/** Where a stream of zlib keeps the address of its message (zlib.h, z_stream). */
const messageField = 24

const reasons: Readonly<Record<string, string>> = {
  'invalid block type': 'a deflate block has the reserved type 3',
  'invalid stored block lengths': "a stored block's length and its complement differ",
  'too many length or distance symbols': 'a dynamic block has too many length or distance symbols',
  'invalid code lengths set': 'a dynamic block has an invalid set of code length codes',
  'invalid bit length repeat': 'a dynamic block repeats a code length that is not there',
  'invalid code -- missing end-of-block': 'a dynamic block has no code for its end',
  'invalid literal/lengths set': 'a dynamic block has an invalid set of literal and length codes',
  'invalid distances set': 'a dynamic block has an invalid set of distance codes',
  'invalid literal/length code': 'invalid literal or length code',
  'invalid distance code': 'invalid distance code',
  'invalid distance too far back': 'a match reaches back before the start',
}
