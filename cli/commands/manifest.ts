/** `ocidir manifest`: a manifest's or index's exact bytes. */

import { first, parseCommand, platformArg } from '../args.ts'
import type { Command } from '../command.ts'
import { openReference } from '../place.ts'

/** Prints what a reference names, byte for byte. */
export const manifestCommand: Command = {
  name: 'manifest',
  summary: 'print the exact bytes of a manifest or index',
  help: `Usage: ocidir manifest REF [--platform P]

Prints the document that REF names as it is stored, verified, byte for byte: a manifest, or an image index where the
tag names one.

  --platform P   the manifest for that platform, as os/architecture[/variant], in place of the index
`,

  async run(args, io) {
    const options = { platform: { type: 'string' } } as const
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'REF' })
    const platform = platformArg(values.platform)
    const { signal } = io
    const { dir, ref } = await openReference(first(positionals), io, platform)
    const descriptor = await dir.resolve(ref, { signal, platform })
    // A whole document first: nothing is printed that turns out to be wrong.
    await io.out.write((await dir.readDocument(descriptor, { signal })).bytes)
    return 0
  },
}
