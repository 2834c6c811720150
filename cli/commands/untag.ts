/** `ocidir untag`: names taken away. */

import type { AbortOptions } from '../../src/index.ts'
import { first, formatOption, parseCommand, wantsJson } from '../args.ts'
import { type Command, type Io, UsageError } from '../command.ts'
import { type DiskLayout, openDisk, type TagRow, tagRow } from '../place.ts'
import { checkName, parseReference, parseTarget } from '../reference.ts'
import { printRows } from './tags.ts'

/** Takes names away. */
export const untagCommand: Command = {
  name: 'untag',
  summary: 'remove tags',
  help: `Usage: ocidir untag DIR:NAME… [--format json]

Removes every entry of index.json that has the name; blobs stay. Further arguments are further NAMEs in the same DIR,
or DIR:NAME again. When a name isn't there, none of that layout is removed.

  --format json   [{ tag, digest, mediaType, size, platform }] of the entries removed
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, formatOption, { min: 1, max: 1e6, names: 'DIR:NAME…' })
    const json = wantsJson(values)
    const { signal } = io
    const target = await parseTarget(first(positionals))
    const start = { dir: await openDisk(target, io), names: [target.tag] }
    const rows: TagRow[] = []
    for (const { dir, names } of await grouped(start, positionals.slice(1), io)) {
      rows.push(...(await untag(dir, names, { signal })))
    }
    await printRows(rows, { io, json })
    return 0
  },
}

interface Group {
  readonly dir: DiskLayout
  readonly names: string[]
}

/** A name that the first layout has is meant there; else a DIR:NAME whose DIR exists is one. */
async function grouped(start: Group, more: readonly string[], io: Io): Promise<Group[]> {
  if (more.length === 0) return [start]
  const own = new Set((await start.dir.tags({ signal: io.signal })).map(({ tag }) => tag))
  const groups = new Map([[start.dir.storage.name, start]])
  for (const text of more) {
    const reference = own.has(text) || !text.includes(':') ? undefined : await parseReference(text)
    if (reference?.tag === undefined || !reference.exists) {
      start.names.push(checkName(text))
      continue
    }
    const dir = await openDisk(reference, io)
    const group = groups.get(dir.storage.name) ?? { dir, names: [] }
    groups.set(dir.storage.name, group)
    group.names.push(reference.tag)
  }
  return [...groups.values()]
}

async function untag(
  dir: DiskLayout,
  names: readonly string[],
  options: AbortOptions,
): Promise<readonly TagRow[]> {
  const [name, ...more] = names
  if (name === undefined) throw new UsageError('a tag is missing')
  const entries = (await dir.tags(options)).filter(({ tag }) => names.includes(tag))
  const rows: TagRow[] = []
  for (const entry of entries) rows.push(await tagRow(dir, entry, options))
  await dir.untag(name, ...more)
  return rows
}
