/** `ocidir clone`: a whole layout, byte for byte. */

import { cloneTo } from '../../src/index.ts'
import { formatOption, parseCommand, wantsJson } from '../args.ts'
import type { Command } from '../command.ts'
import { checkTarget, openPlace, storageAt } from '../place.ts'
import { parseLayout } from '../reference.ts'
import { printSums, sumsOf, transferHelp, transferOptions, transferring } from '../transfer.ts'

const options = { ...formatOption, ...transferOptions } as const

/** Copies a whole layout. */
export const cloneCommand: Command = {
  name: 'clone',
  summary: 'copy a whole layout to a new place',
  help: `Usage: ocidir clone SRC DST [--link] [--jobs N] [--format json]

Copies the layout SRC to the folder DST: oci-layout, index.json, and all that it reaches, byte for byte, verified on
the way. Blobs that nothing names stay behind. A clone that was ended goes on where it was. DST may be an empty
layout, but none that lists something: "ocidir copy" adds to one.

${transferHelp}{ copied, shared, resumed, present, bytes, unverified, absent }
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 2, names: 'SRC DST' })
    const json = wantsJson(values)
    const [source = '', target = ''] = positionals
    const dir = await openPlace(await parseLayout(source, does), io)
    const place = await parseLayout(target, does)
    await checkTarget(place)
    const storage = storageAt(place.path, io, { hardLinks: values.link === true })
    const result = await cloneTo(dir, storage, transferring(values, io))
    await printSums(result, io)
    if (json) await io.out.json(sumsOf(result))
    return 0
  },
}

const does = 'copy is for a part of a layout, clone copies'
