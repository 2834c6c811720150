/** A worker's side: does what it is told, and answers each message once. */

import type { BlockCompressor } from './codec/blocks.ts'
import { GzipBlocks } from './codec/gzip-blocks.ts'
import { ZstdBlocks } from './codec/zstd/blocks.ts'
import type { BlockJob, FromWorker, HashStep, ModuleNote, ToWorker } from './jobs.ts'
import type { Hasher, SharedPart } from './storage.ts'

/** Sends an answer, and hands buffers over with it. */
export type Send = (answer: FromWorker, transfer: ArrayBuffer[]) => void

/** Makes a hasher of the platform's. */
export type MakeHasher = (algorithm: 'sha256' | 'sha512') => Promise<Hasher>

/** Gives a part of a file in chunks, each until the next is asked for. Throws unless it is whole, and of that file. */
export type ReadPart = (part: SharedPart) => Iterable<Uint8Array>

/** What a worker listens with. */
export function performer(
  send: Send,
  makeHasher: MakeHasher,
  readPart: ReadPart = notHere,
): (message: ToWorker) => void {
  const compressors = new Compressors()
  const hashes = new Hashes(makeHasher, readPart)
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

function notHere(): never {
  throw new Error('this worker reads no files')
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
  readonly #make: MakeHasher
  readonly #read: ReadPart
  readonly #begun = new Map<number, Promise<Hasher>>()

  constructor(make: MakeHasher, read: ReadPart) {
    this.#make = make
    this.#read = read
  }

  async step({ hash, algorithm, bytes, part, end }: HashStep): Promise<Pick<FromWorker, 'hex' | 'spent'>> {
    const begun = this.#begun.get(hash) ?? this.#make(algorithm)
    this.#begun.set(hash, begun)
    if (end !== undefined) this.#begun.delete(hash)
    const hasher = await begun
    if (end === 'result') return { hex: hasher.hex() }
    if (part !== undefined) for (const chunk of this.#read(part)) hasher.update(chunk)
    if (bytes === undefined) return {}
    hasher.update(bytes)
    return { spent: bytes.buffer as ArrayBuffer }
  }
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
