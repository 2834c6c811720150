/** `ocidir tag`: further names for an image. */

import { first, formatOption, parseCommand, wantsJson } from '../args.ts'
import { type Command, UsageError } from '../command.ts'
import { openDisk, refIn, tagRow } from '../place.ts'
import { checkName, parseReference } from '../reference.ts'
import { printRows } from './tags.ts'

/** Gives an image further names. */
export const tagCommand: Command = {
  name: 'tag',
  summary: 'give an image further tags',
  help: `Usage: ocidir tag REF NAME… [--format json]

Names what REF names, in the same layout. A NAME that was another image's is moved: it drops every entry that had it.
A NAME may hold ":", "/" and "@".

  --format json   [{ tag, digest, mediaType, size, platform }] of the names given
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, formatOption, { min: 2, max: 1e6, names: 'REF NAME…' })
    const json = wantsJson(values)
    const [name, ...more] = positionals.slice(1).map(checkName)
    if (name === undefined) throw new UsageError('missing argument: expected NAME')
    const { signal } = io
    const reference = await parseReference(first(positionals))
    const dir = await openDisk(reference, io)
    const descriptor = await dir.tag(await refIn(dir, reference, { signal }), name, ...more)
    const rows = []
    for (const tag of [name, ...more]) rows.push(await tagRow(dir, { tag, descriptor }, { signal }))
    await printRows(rows, { io, json })
    return 0
  },
}
