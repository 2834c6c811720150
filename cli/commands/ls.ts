/** `ocidir ls`: the stacked files of an image. */

import { type FileRow, files, rowOf, type TreeFile } from '../../src/files/index.ts'
import { first, formatOption, numberArg, parseCommand, platformArg, wantsJson } from '../args.ts'
import { type Command, Failure } from '../command.ts'
import { openReference } from '../place.ts'
import { counted, formatProgress, printable } from '../text.ts'

const options = {
  ...formatOption,
  layer: { type: 'string' },
  digests: { type: 'boolean' },
  platform: { type: 'string' },
} as const

/** Lists an image's files. */
export const lsCommand: Command = {
  name: 'ls',
  summary: 'list the stacked files of an image',
  help: `Usage: ocidir ls REF [--layer N] [--digests] [--platform P] [--format json]

Lists the files that a container of the image would see: layers stacked, whiteouts applied, in the order of their
paths' bytes. Times are UTC. Every layer is verified as it is read.

  --layer N       one layer alone, 0 the base, its whiteouts listed as the files that they are
  --digests       SHA-256 of every file, and of what hard links name
  --platform P    which image of an index, as os/architecture[/variant]; else the only one, else linux/amd64
  --format json   [{ path, type, mode, uid, gid, size, mtime, linkname, sha256, xattrs, dev }]
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'REF' })
    const json = wantsJson(values)
    const platform = platformArg(values.platform)
    const layer = numberArg('layer', values.layer, { max: 1e6 })
    const { signal, out, progress } = io
    const { dir, ref } = await openReference(first(positionals), io, platform)
    const image = await dir.openImage(ref, { signal, platform })
    checkLayer(layer, image.manifest.value.layers.length)
    const tree = await files(image, {
      signal,
      layer,
      digests: values.digests === true,
      onProgress: step => progress.show(`read: ${formatProgress(step)}`),
    })
    await progress.clear()
    const rows = rowsOf(tree.entries())
    if (json) await out.jsonRows(rows)
    else for (const row of rows) await out.line(rowLine(row, values.digests === true))
    return 0
  },
}

function checkLayer(layer: number | undefined, count: number): void {
  if (layer === undefined || layer < count) return
  throw new Failure(`there is no layer ${layer}: the image has ${counted(count, 'layer')}, counted from 0`)
}

/** What is known of an image is said by the format's own fields and no others. */
function* rowsOf(entries: Iterable<TreeFile>): Generator<FileRow> {
  for (const entry of entries) {
    const { implicit, ...row } = rowOf(entry)
    yield row
  }
}

/** As `tar tv` has it. */
function rowLine(row: FileRow, withDigest: boolean): string {
  const { path, type, mode, uid, gid, linkname, dev } = row
  const extent = dev === undefined ? String(row.size) : dev.join(',')
  const link =
    linkname === undefined ? '' : `${type === 'symlink' ? ' -> ' : ' link to '}${printable(linkname)}`
  const owner = `${uid}/${gid}`
  const width = Math.max(1, 16 - owner.length)
  const sum = withDigest ? `${(row.sha256 ?? '').padEnd(64)}  ` : ''
  return `${letters[type]}${permissions(mode)} ${owner} ${extent.padStart(width)} ${timeOf(row.mtime)} ${sum}${printable(path)}${link}`
}

/** `rwxr-sr-x`: the nine bits, with setuid, setgid and sticky where `ls` shows them. */
function permissions(octal: string): string {
  const mode = Number.parseInt(octal, 8)
  const letters = [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-'))
  const special = [
    { bit: 0o4000, at: 2, letter: 's' },
    { bit: 0o2000, at: 5, letter: 's' },
    { bit: 0o1000, at: 8, letter: 't' },
  ]
  for (const { bit, at, letter } of special) {
    if (mode & bit) letters[at] = letters[at] === '-' ? letter.toUpperCase() : letter
  }
  return letters.join('')
}

/** `2023-11-14 22:13`; seconds as a number where a calendar has no such year. */
function timeOf(seconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return String(seconds)
  return date.toISOString().replace(/T(\d\d:\d\d).*$/, ' $1')
}

const letters: Readonly<Record<FileRow['type'], string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  char: 'c',
  block: 'b',
  fifo: 'p',
}
