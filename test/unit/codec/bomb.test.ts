/** A bomb streams through in flat memory, even when it comes as one chunk. */

import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { gunzipBy } from '../../../src/codec/gunzip.ts'
import { concat } from '../../../src/streams.ts'
import { rounds } from '../../setup/rounds.ts'
import { inflaters } from './inflaters.ts'

const mebibytes = rounds({ short: 128, long: 1_024 })

it.each(Object.entries(inflaters))(
  `gives ${mebibytes} MiB of zeros without holding them: %s`,
  {
    timeout: 600_000,
  },
  async (name, inflater) => {
    // 64 MiB a member, so that making the bomb doesn't hold its content either.
    const piece = gzipSync(Buffer.alloc(64 * 1_048_576))
    const bomb = concat(Array.from({ length: mebibytes / 64 }, () => piece))
    const before = process.memoryUsage().arrayBuffers
    let [total, largest, peak] = [0, 0, 0]
    for await (const chunk of gunzipBy(inflater, bomb)) {
      total += chunk.length
      largest = Math.max(largest, chunk.length)
      peak = Math.max(peak, process.memoryUsage().arrayBuffers)
    }
    console.log(
      `bomb, ${name}: ${total} bytes, largest chunk ${largest}, peak ${peak - before} more bytes in buffers`,
    )
    expect(total).toBe(mebibytes * 1_048_576)
    expect(largest).toBeLessThanOrEqual(1_048_576)
    // Chunks wait for the garbage collector, so this is not a few hundred KB, but it doesn't grow with the bomb.
    expect(peak - before).toBeLessThan(64 * 1_048_576)
  },
)
