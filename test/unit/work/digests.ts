/** Digests of one layer by every canonical codec and by so many real workers. */

import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { zstd } from '../../../src/codec/zstd.ts'
import { engine } from '../../../src/engine.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { chunked, seeded } from '../../golden/inputs.ts'

const codecs = {
  'fflate 1': gzip({ level: 1 }),
  'fflate 6': gzip({ level: 6 }),
  'zlib 1': gzip({ level: 1, deflate: 'zlib' }),
  'zlib 6': gzip({ level: 6, deflate: 'zlib' }),
  'zstd 3': zstd({ level: 3 }),
}

/** What came of it. */
export interface DigestsByWorkers {
  /** By the codec. */
  readonly digests: Readonly<Record<string, string>>
  /** How many workers were at it at the end. */
  readonly started: number
}

/** Builds the layers, of twelve blocks or six. */
export async function digestsByWorkers(workers: number): Promise<DigestsByWorkers> {
  const own = engine({ workers })
  const dir = await OciDir.ensure(memory(), { engine: own })
  const input = seeded(11 * 262_144 + 5, 3)
  const digests: Record<string, string> = {}
  for (const [name, codec] of Object.entries(codecs)) {
    const bytes = name.startsWith('zstd') ? chunked(doubled(doubled(input)), 65_536) : chunked(input, 65_536)
    digests[name] = (await dir.writeLayer(bytes, { codec })).descriptor.digest
  }
  const { started } = own.pool
  own.pool.close()
  return { digests, started }
}

function doubled(bytes: Uint8Array): Uint8Array {
  const both = new Uint8Array(bytes.length * 2)
  both.set(bytes)
  both.set(bytes, bytes.length)
  return both
}
