/** `ocidir config`: an image config's exact bytes. */

import { first, parseCommand, platformArg } from '../args.ts'
import type { Command } from '../command.ts'
import { openReference } from '../place.ts'

/** Prints an image's config, byte for byte. */
export const configCommand: Command = {
  name: 'config',
  summary: "print the exact bytes of an image's config",
  help: `Usage: ocidir config REF [--platform P]

Prints the config of the image that REF names as it is stored, verified, byte for byte.

  --platform P   which image of an index, as os/architecture[/variant]; else the only one, else linux/amd64
`,

  async run(args, io) {
    const options = { platform: { type: 'string' } } as const
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'REF' })
    const platform = platformArg(values.platform)
    const { signal } = io
    const { dir, ref } = await openReference(first(positionals), io, platform)
    const { config } = await dir.openImage(ref, { signal, platform })
    await io.out.write(config.bytes)
    return 0
  },
}
