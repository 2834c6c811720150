/** Wrong adapters that the layer suite alone must notice, each by a case. */

import { streamOf } from '../../../src/streams.ts'
import { forwarding } from '../forwarding.ts'
import { brokenStorages } from './broken.ts'
import { brokenLayouts } from './broken-layouts.ts'
import { asBefore, type BrokenStorage } from './broken-storage.ts'

/** All that the layer suite must reject. */
export const brokenLayers: readonly BrokenStorage[] = [
  asBefore(brokenLayouts, 'changes a bit of what it stores', {
    fails: 'writeLayer: gzip 6 has the digests of ocidir-gzip-1, and reads back',
  }),
  asBefore(brokenStorages, 'forgets to discard', {
    fails: 'writeLayer: the error of a source passes at whichever chunk it comes, and nothing is left',
  }),
  asBefore(brokenStorages, 'leaves staged bytes after an abort', {
    fails: 'createTarLayer: one that is dropped, aborted or fails leaves nothing',
  }),
  asBefore(brokenStorages, 'writes a large chunk before the small ones that it gathers', {
    fails: 'files: bytes, streams and digests of files, of plain and compressed layers',
  }),
  asBefore(brokenStorages, 'inflates without its dictionary', {
    fails: 'writeLayer: gzip 9 has the digests of ocidir-gzip-1, and reads back',
  }),
  {
    fault: 'ends a stream before the last byte',
    fails: 'writeLayer: without a codec the digest is the diffID, known beforehand',
    over: sound =>
      forwarding(sound, {
        open: async (path, options) => {
          const file = await sound.open(path, options)
          if (file === undefined || file.size < 100_000) return file
          async function* cut(): AsyncGenerator<Uint8Array> {
            if (file !== undefined) yield await file.bytes({ end: file.size - 1 })
          }
          return {
            ...file,
            size: file.size,
            bytes: range => file.bytes(range),
            stream: () => streamOf(cut()),
          }
        },
      }),
  },
]
