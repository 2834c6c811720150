/** `ocidir tags`: the names in a layout. */

import { formatPlatform } from '../../src/index.ts'
import { first, formatOption, parseCommand, wantsJson } from '../args.ts'
import type { Command, Io } from '../command.ts'
import { openPlace, type TagRow, tagRow } from '../place.ts'
import { parseLayout } from '../reference.ts'
import { printable } from '../text.ts'

/** Lists the names of a layout. */
export const tagsCommand: Command = {
  name: 'tags',
  summary: 'list the tags of a layout',
  help: `Usage: ocidir tags LAYOUT [--format json]

Lists the named entries of index.json in their order: tag, digest, platform. Entries without a name aren't listed.

  --format json   [{ tag, digest, mediaType, size, platform }], platform null where nothing names one
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, formatOption, { min: 1, names: 'LAYOUT' })
    const json = wantsJson(values)
    const reference = await parseLayout(first(positionals), 'tags lists')
    const { signal } = io
    const dir = await openPlace(reference, io)
    const rows: TagRow[] = []
    for (const entry of await dir.tags({ signal })) rows.push(await tagRow(dir, entry, { signal }))
    await printRows(rows, { io, json })
    return 0
  },
}

/** Prints named entries, as a JSON array or a line each. */
export async function printRows(
  rows: readonly TagRow[],
  { io, json }: { readonly io: Io; readonly json: boolean },
): Promise<void> {
  if (json) return io.out.json(rows)
  for (const { tag, digest, platform } of rows) {
    const fields = [printable(tag), digest, platform === null ? '-' : printable(formatPlatform(platform))]
    await io.out.line(fields.join('\t'))
  }
}
