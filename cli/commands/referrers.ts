/** `ocidir referrers`: signatures, SBOMs and other artifacts of an image. */

import { type Descriptor, referrers } from '../../src/index.ts'
import { first, formatOption, parseCommand, wantsJson } from '../args.ts'
import type { Command } from '../command.ts'
import { openReference } from '../place.ts'
import { printable } from '../text.ts'

const options = { ...formatOption, 'artifact-type': { type: 'string' } } as const

/** Lists what refers to an image. */
export const referrersCommand: Command = {
  name: 'referrers',
  summary: 'list what refers to an image: signatures, SBOMs, …',
  help: `Usage: ocidir referrers REF [--artifact-type T] [--format json]

Lists the manifests whose subject is what REF names, in the order of index.json: digest, artifact type, bytes. Read are
subjects, indexes tagged sha256-<hex>, and cosign's tags and annotations. DIR@DIGEST needs no image to be there.

  --artifact-type T   only those of this type
  --format json       [{ digest, mediaType, size, artifactType, annotations }], artifactType null where there is none
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'REF' })
    const json = wantsJson(values)
    const { dir, ref } = await openReference(first(positionals), io)
    const artifactType = values['artifact-type']
    const found = await referrers(dir, ref, { artifactType, signal: io.signal })
    if (json) await io.out.json(found.map(rowOf))
    else for (const referrer of found) await io.out.line(lineOf(referrer))
    return 0
  },
}

function rowOf({ digest, mediaType, size, artifactType, annotations = {} }: Descriptor): object {
  return { digest, mediaType, size, artifactType: artifactType ?? null, annotations }
}

function lineOf({ digest, artifactType = '-', size }: Descriptor): string {
  return [digest, printable(artifactType), size].join('\t')
}
