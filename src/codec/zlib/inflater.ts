/** Inflate by zlib's WebAssembly: two to three times as fast as our own, with the same chunks, ends and faults. */

import { OciError } from '../../errors.ts'
import { InflateFault, type RawInflater } from '../inflate.ts'
import { zlibModule } from './carried.ts'
import { statusOf, ZlibBuffer, type ZlibExports, zlibCodes, zlibInstance } from './module.ts'

const inputRoom = 65_536
/** The largest chunk that comes out. */
const chunkSize = 262_144
/** Streams at once: what they hold is a third of the instance's memory, which doesn't grow. */
const mostStreams = 128

/** One raw deflate stream after another. `end` gives its memory back. */
export class ZlibInflater implements RawInflater {
  readonly #shared: Shared
  #stream = 0
  #passed = 0
  #ended = false
  #isOver = false

  private constructor(shared: Shared) {
    this.#shared = shared
    shared.streams++
  }

  /** Throws `UNSUPPORTED` where WebAssembly is missing or forbidden, and where too many streams are under way. */
  static async create(): Promise<ZlibInflater> {
    begun ??= zlibModule().then(zlibInstance).then(shareOut)
    begun.catch(() => {
      begun = undefined
    })
    const shared = await begun
    if (shared.streams < mostStreams) return new ZlibInflater(shared)
    throw new OciError('UNSUPPORTED', {
      feature: `more than ${mostStreams} streams inflated by zlib at once`,
    })
  }

  get ended(): boolean {
    return this.#ended
  }

  get offset(): number {
    return this.#passed
  }

  reset(): void {
    const { wasm } = this.#shared
    this.#drop()
    this.#stream = wasm.inflate_new()
    wasm.inflate_init_raw(this.#stream)
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
    if (!this.#isOver) this.#shared.streams--
    this.#isOver = true
  }

  *#piece(piece: Uint8Array): Generator<Uint8Array, number, undefined> {
    const { wasm, input, output } = this.#shared
    let taken = 0
    for (;;) {
      // Anew for each chunk: while one was looked at, another stream may have had this room.
      input.put(piece.subarray(taken))
      const { code, count } = statusOf(
        wasm.inflate_process(
          this.#stream,
          input.address,
          piece.length - taken,
          output.address,
          chunkSize,
          zlibCodes.none,
        ),
      )
      const used = wasm.inflate_last_consumed(this.#stream)
      taken += used
      this.#passed += used
      this.#ended = code === zlibCodes.streamEnd
      // What came before a fault goes out first, as far as it is known.
      if (count > 0) yield output.view(0, count).slice()
      if (code < 0 && code !== zlibCodes.bufferError) throw faultOf(wasm, this.#stream, code)
      // A full chunk may have more behind it, also when all input is used.
      if (this.#ended || (taken === piece.length && count < chunkSize)) return taken
    }
  }

  #drop(): void {
    if (this.#stream !== 0) this.#shared.wasm.inflate_end(this.#stream)
    this.#stream = 0
  }
}

/** All streams of a thread are of one instance: each has its state in it, and they take turns at its buffers. */
interface Shared {
  readonly wasm: ZlibExports
  readonly input: ZlibBuffer
  readonly output: ZlibBuffer
  /** So many are under way. */
  streams: number
}

let begun: Promise<Shared> | undefined

function shareOut(wasm: ZlibExports): Shared {
  const [input, output] = [new ZlibBuffer(wasm), new ZlibBuffer(wasm)]
  input.reserve(inputRoom)
  output.reserve(chunkSize)
  return { wasm, input, output, streams: 0 }
}

/** zlib's complaint, in the words of our own inflater; anything else than a complaint of the data is no fault of theirs. */
export function faultOf(wasm: ZlibExports, stream: number, code: number): Error {
  if (code !== zlibCodes.dataError) return new Error(`zlib's inflate answered ${code}`)
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
