/** `ocidir blob`: any blob's exact bytes. */

import { blobPath, OciError } from '../../src/index.ts'
import { first, parseCommand } from '../args.ts'
import { type Command, UsageError } from '../command.ts'
import { openPlace } from '../place.ts'
import { parseReference } from '../reference.ts'

/** Prints a blob, verified as it streams. */
export const blobCommand: Command = {
  name: 'blob',
  summary: 'print the exact bytes of a blob',
  help: `Usage: ocidir blob DIR@DIGEST

Prints a blob of the layout byte for byte, whether anything names it or not. It is verified as it streams: when the
bytes don't hash to the digest the command fails, so check the exit code before you trust what was printed.
`,

  async run(args, io) {
    const { positionals } = parseCommand(args, {}, { min: 1, names: 'DIR@DIGEST' })
    const { signal, out } = io
    const reference = await parseReference(first(positionals))
    const { digest } = reference
    if (digest === undefined) throw new UsageError('expected DIR@DIGEST')
    const dir = await openPlace(reference, io)
    const file = await dir.storage.open(blobPath(digest), { signal })
    if (file === undefined) throw new OciError('BLOB_MISSING', { digest })
    const descriptor = { mediaType: 'application/octet-stream', digest, size: file.size }
    const reader = (await dir.readBlob(descriptor, { signal })).getReader()
    try {
      for (let next = await reader.read(); !next.done && out.isOpen; next = await reader.read()) {
        await out.write(next.value)
      }
    } finally {
      await reader.cancel()
    }
    return 0
  },
}
