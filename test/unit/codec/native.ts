/** The Node adapter's promise of `inflateRaw`, as small as it can be: for tests of the codec alone. */

import { constants, inflateRawSync } from 'node:zlib'
import type { NativeTools } from '../../../src/storage.ts'

export const native: NativeTools = {
  inflateRaw: (deflated, { dictionary, size }) =>
    inflateRawSync(deflated, {
      // zlib refuses an empty dictionary.
      ...(dictionary.length > 0 && { dictionary }),
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: size + 1,
    }),
}
