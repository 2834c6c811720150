/** A worker's side: does what it is told, and answers each message once. */

import type { BlockCompressor } from './codec/blocks.ts'
import { GzipBlocks } from './codec/gzip-blocks.ts'
import { ZstdBlocks } from './codec/zstd/blocks.ts'
import type { BlockJob, FromWorker, HashStep, ModuleNote, ToWorker } from './jobs.ts'
import type { SharedPart } from './shared-file.ts'
import type { Hasher } from './storage.ts'
import { concat } from './streams.ts'

/** Sends an answer, and hands buffers over with it. */
export type Send = (answer: FromWorker, transfer: ArrayBuffer[]) => void

/** Makes a hasher of the platform's. */
export type MakeHasher = (algorithm: 'sha256' | 'sha512') => Promise<Hasher>

/** What a worker makes hashes with. */
export interface HashTools {
  readonly makeHasher: MakeHasher
  /** Hashes at once, where that is faster than a hasher. */
  digest?(bytes: Uint8Array, algorithm: 'sha256' | 'sha512'): Promise<string>
  /**
   * Gives a part of a file in chunks of so many bytes, each until the next is asked for. Throws unless it is whole, and of
   * that file.
   */
  readPart(part: SharedPart, chunkSize: number): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** What a worker listens with. */
export function performer(send: Send, tools: HashTools): (message: ToWorker) => void {
  const compressors = new Compressors()
  const hashes = new Hashes(tools)
  const answer = async (message: ToWorker): Promise<Omit<FromWorker, 'id'>> => {
    if (message.kind === 'module') {
      compressors.give(message)
      return {}
    }
    if (message.kind === 'hash') return hashes.step(message)
    const spent = message.block.buffer as ArrayBuffer
    return compressors.of(message.kind).compress(message, made => handedBack(spent, made))
  }
  return message => {
    answer(message).then(
      said => send({ id: message.id, ...said }, buffersOf(said)),
      error => send({ id: message.id, fault: String(error) }, []),
    )
  }
}

class Compressors {
  readonly #given = new Map<string, WebAssembly.Module>()
  #gzip: BlockCompressor | undefined
  #zstd: BlockCompressor | undefined

  give({ name, module }: ModuleNote): void {
    this.#given.set(name, module)
  }

  of(kind: BlockJob['kind']): BlockCompressor {
    if (kind === 'zstd') {
      this.#zstd ??= new ZstdBlocks({ zstd: () => this.#module('zstd') })
      return this.#zstd
    }
    this.#gzip ??= new GzipBlocks({ zlib: () => this.#module('zlib') })
    return this.#gzip
  }

  async #module(name: ModuleNote['name']): Promise<WebAssembly.Module> {
    const module = this.#given.get(name)
    if (module === undefined) throw new Error(`nobody has sent ${name}`)
    return module
  }
}

class Hashes {
  readonly #tools: HashTools
  readonly #begun = new Map<number, Hasher>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(tools: HashTools) {
    this.#tools = tools
  }

  /** One step after another, as they came: a file is read between them. */
  step(step: HashStep): Promise<Pick<FromWorker, 'hex' | 'spent'>> {
    const done = this.#turn.then(() => this.#do(step))
    this.#turn = done.catch(() => {})
    return done
  }

  async #do({ hash, algorithm, bytes, part, end }: HashStep): Promise<Pick<FromWorker, 'hex' | 'spent'>> {
    const { digest, makeHasher, readPart } = this.#tools
    const before = this.#begun.get(hash)
    if (part !== undefined && end === 'result' && before === undefined && digest !== undefined)
      return { hex: await digest(await whole(readPart(part, part.end - part.start)), algorithm) }
    const hasher = before ?? (await makeHasher(algorithm))
    if (end === undefined) this.#begun.set(hash, hasher)
    else this.#begun.delete(hash)
    if (part !== undefined) for await (const chunk of readPart(part, chunkSize)) hasher.update(chunk)
    if (end === 'result') return { hex: hasher.hex() }
    if (bytes === undefined) return {}
    hasher.update(bytes)
    return { spent: bytes.buffer as ArrayBuffer }
  }
}

/** Bytes that a processor has at hand while they are hashed. */
const chunkSize = 256 << 10

/** A single chunk as it is. */
async function whole(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const found: Uint8Array[] = []
  for await (const chunk of chunks) found.push(chunk)
  return concat(found)
}

/** In the buffer that came, so that none is made for each block. */
function handedBack(spent: ArrayBuffer, made: Uint8Array): Pick<FromWorker, 'made' | 'spent'> {
  if (made.length > spent.byteLength) return { made: made.slice(), spent }
  const inPlace = new Uint8Array(spent, 0, made.length)
  inPlace.set(made)
  return { made: inPlace, spent }
}

function buffersOf({ made, spent }: Pick<FromWorker, 'made' | 'spent'>): ArrayBuffer[] {
  if (spent === undefined) return []
  return made === undefined || made.buffer === spent ? [spent] : [spent, made.buffer as ArrayBuffer]
}
