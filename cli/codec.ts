/** Compression on the command line: what layers are written as, and all that they are read by. */

import { type DeflateChoice, type DeflateLevel, gzip } from '../src/codec/gzip.ts'
import { zstd } from '../src/codec/zstd.ts'
import { type Codec, type Decoder, identity } from '../src/index.ts'
import { type NumberBounds, numberArg, quoted } from './args.ts'
import { UsageError } from './command.ts'

/** The options of a command that compresses layers. */
export const codecOptions = {
  compression: { type: 'string' },
  deflate: { type: 'string' },
  level: { type: 'string' },
} as const

/** What those options are, for a command's help. */
export const codecHelp = `  --compression gzip|zstd|none
                       of layers; of what is built it is gzip unless given
  --deflate fflate|zlib|platform
                       what makes gzip, and with it the digest: fflate by default (ocidir-gzip-1); zlib is faster, its
                       bytes are those of stock zlib (ocidir-gzip-2); platform is Node's own, the fastest, whose bytes
                       may differ with its next version. Those of the others never change
  --level N            of gzip: 0 stores, 1 is fast, 9 smallest, 6 by default; of zstd: 1 to 19, 3 by default
`

/** Everything that a layer may be in. */
export const decoders: readonly Decoder[] = [gzip(), zstd()]

/** The codec of `--compression`, gzip unless given, `--deflate` and `--level`. Throws `UsageError`. */
export function codecFor(values: CodecValues): Codec {
  const { compression = 'gzip', deflate, level } = values
  const found = compressions.get(compression)
  if (found === undefined)
    throw new UsageError(
      `--compression is ${alternatives([...compressions.keys()])}, not ${quoted(compression)}`,
    )
  const { levels, codec } = found
  if (levels === undefined && level !== undefined)
    throw new UsageError(`--level goes with gzip or zstd, and --compression is ${compression}`)
  if (compression !== 'gzip' && deflate !== undefined)
    throw new UsageError(`--deflate goes with gzip, and --compression is ${compression}`)
  if (!isDeflate(deflate))
    throw new UsageError(`--deflate is ${alternatives(deflates)}, not ${quoted(deflate)}`)
  return codec(levels && numberArg('level', level, levels), deflate)
}

interface CodecValues {
  readonly compression?: string | undefined
  readonly deflate?: string | undefined
  readonly level?: string | undefined
}

interface Compression {
  /** Absent where there are none. */
  readonly levels?: NumberBounds
  codec(level: number | undefined, deflate: DeflateChoice | undefined): Codec
}

const compressions: ReadonlyMap<string, Compression> = new Map<string, Compression>([
  // `numberArg` has looked.
  [
    'gzip',
    {
      levels: { max: 9 },
      codec: (level, deflate) => gzip({ level: level as DeflateLevel | undefined, deflate }),
    },
  ],
  ['zstd', { levels: { min: 1, max: 19 }, codec: level => zstd({ level }) }],
  ['none', { codec: () => identity }],
])

const deflates: readonly DeflateChoice[] = ['fflate', 'zlib', 'platform']

function isDeflate(name: string | undefined): name is DeflateChoice | undefined {
  return name === undefined || deflates.some(deflate => deflate === name)
}

/** `a, b or c`. */
function alternatives(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
