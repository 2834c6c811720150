/** Compression on the command line: what layers are written as, and all that they are read by. */

import { type DeflateLevel, gzip } from '../src/codec/gzip.ts'
import { zstd } from '../src/codec/zstd.ts'
import { type Codec, type Decoder, identity } from '../src/index.ts'
import { type NumberBounds, numberArg, quoted } from './args.ts'
import { UsageError } from './command.ts'

/** The options of a command that compresses layers. */
export const codecOptions = { compression: { type: 'string' }, level: { type: 'string' } } as const

/** Everything that a layer may be in. */
export const decoders: readonly Decoder[] = [gzip(), zstd()]

/** The codec of `--compression`, gzip unless given, and `--level`. Throws `UsageError`. */
export function codecFor(values: {
  readonly compression?: string | undefined
  readonly level?: string | undefined
}): Codec {
  const { compression = 'gzip', level } = values
  const found = compressions.get(compression)
  if (found === undefined)
    throw new UsageError(
      `--compression is ${alternatives([...compressions.keys()])}, not ${quoted(compression)}`,
    )
  const { levels, codec } = found
  if (levels === undefined && level !== undefined)
    throw new UsageError(`--level goes with gzip, and --compression is ${compression}`)
  return codec(levels && numberArg('level', level, levels))
}

interface Compression {
  /** Absent where there are none. */
  readonly levels?: NumberBounds
  codec(level: number | undefined): Codec
}

const compressions: ReadonlyMap<string, Compression> = new Map<string, Compression>([
  // `numberArg` has looked.
  ['gzip', { levels: { max: 9 }, codec: level => gzip({ level: level as DeflateLevel | undefined }) }],
  ['none', { codec: () => identity }],
])

/** `a, b or c`. */
function alternatives(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
