/** What other programs and we see in a tar, in one form. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readTar } from '../../../src/tar/index.ts'
import { tool } from '../../setup/tools.ts'

/** One entry; names and values in base64. */
export interface Row {
  readonly path: string
  readonly type: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname: string
  readonly gname: string
  readonly size: number
  readonly seconds: number
  readonly nanoseconds: number
  readonly linkname: string
  readonly dev: readonly number[]
  readonly xattrs: Readonly<Record<string, string>>
  readonly sha256: string
}

const run = promisify(execFile)
const maxBuffer = 64 << 20
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export async function python(...args: readonly string[]): Promise<string> {
  return (await run(tool('python3'), [here('judge.py'), ...args], { maxBuffer })).stdout
}

/** Builds Go's judge into a folder and gives a way to run it. */
export async function buildGo(folder: string): Promise<(...args: readonly string[]) => Promise<string>> {
  const program = join(folder, 'judge')
  await run(tool('go'), ['build', '-o', program, here('judge.go')], {
    env: { ...process.env, CGO_ENABLED: '0' },
  })
  return async (...args) => (await run(program, args, { maxBuffer })).stdout
}

export async function gnuTar(...args: readonly string[]): Promise<string> {
  return (await run(tool('tar'), args, { maxBuffer, env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' } }))
    .stdout
}

/** Rows as Python or Go print them. */
export function rowsIn(json: string): Row[] {
  const rows: Row[] = JSON.parse(json)
  return rows.map(row => ({ ...row, path: withoutSlash(Buffer.from(row.path, 'base64')) }))
}

/** One entry as `tar --list` prints it; owners have no names there. */
export type GnuRow = Pick<
  Row,
  'path' | 'type' | 'mode' | 'uid' | 'gid' | 'size' | 'seconds' | 'nanoseconds' | 'linkname' | 'dev'
> & { readonly xattrs: Readonly<Record<string, number>> }

/** Rows as GNU tar lists them; of xattrs the length alone. */
export async function gnuRows(path: string): Promise<GnuRow[]> {
  const flags = ['--numeric-owner', '--full-time', '--quoting-style=c', '--xattrs', '--xattrs-include=*']
  const lines = (await gnuTar('-tvv', ...flags, '-f', path)).split('\n')
  const rows: GnuRow[] = []
  for (const line of lines) {
    const xattr = /^ {2}x: +([0-9]+) (.*)$/.exec(line)
    const last = rows.at(-1)
    if (xattr !== null && last !== undefined)
      Object.assign(last.xattrs, { [xattr[2] ?? '']: Number(xattr[1]) })
    else if (line !== '') rows.push(gnuRow(line))
  }
  return rows
}

function gnuRow(line: string): GnuRow {
  const parts =
    /^(.)(.{9})[*.+]? +(-?[0-9]+)\/(-?[0-9]+) +([0-9,]+) (\S+ [0-9:]+)(?:\.([0-9]+))? +("(?:[^"\\]|\\.)*")(?:(?: ->| link to) (".*"))?$/
  const [, kind = '', bits = '', uid, gid, size = '', time, fraction = '', path = '', linkname] =
    parts.exec(line) ?? []
  if (time === undefined) throw new Error(`GNU tar's list has a line that is not understood: ${line}`)
  const type = gnuTypes[kind] ?? kind
  return {
    path: withoutSlash(unquoted(path)),
    type,
    mode: modeOf(bits),
    uid: Number(uid),
    gid: Number(gid),
    size: type === 'file' ? Number(size) : 0,
    ...timeOf(Date.parse(`${time.replace(' ', 'T')}Z`) / 1000, Number(fraction.padEnd(9, '0'))),
    linkname: linkname === undefined ? '' : base64(unquoted(linkname)),
    dev: size.includes(',') ? size.split(',').map(Number) : [0, 0],
    xattrs: {},
  }
}

/** Before 1970 GNU tar prints the second after, and counts the fraction back from it. */
function timeOf(seconds: number, nanoseconds: number): Pick<Row, 'seconds' | 'nanoseconds'> {
  if (seconds >= 0 || nanoseconds === 0) return { seconds, nanoseconds }
  return { seconds: seconds - 1, nanoseconds: 1e9 - nanoseconds }
}

const gnuTypes: Readonly<Record<string, string>> = {
  '-': 'file',
  d: 'directory',
  l: 'symlink',
  h: 'hardlink',
  c: 'char',
  b: 'block',
  p: 'fifo',
}

/** `rwsr-xr-t` as a number. */
function modeOf(bits: string): number {
  const special = [0o4000, 0, 0, 0o2000, 0, 0, 0o1000]
  let mode = 0
  for (const [index, bit] of [...bits].entries()) {
    if (/[rwxst]/.test(bit)) mode |= 1 << (8 - index)
    if (/[sStT]/.test(bit)) mode |= special[index - 2] ?? 0
  }
  return mode
}

/** The bytes of a name in C's quotes. */
function unquoted(text: string): Uint8Array {
  const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 }
  const pieces = text.slice(1, -1).match(/\\[0-7]{3}|\\.|[^\\]+/gsu) ?? []
  return Buffer.concat(
    pieces.map(piece => {
      if (!piece.startsWith('\\')) return Buffer.from(piece)
      const octal = /^\\[0-7]{3}$/.test(piece)
      return Buffer.of(
        octal ? Number.parseInt(piece.slice(1), 8) : (escapes[piece[1] ?? ''] ?? piece.charCodeAt(1)),
      )
    }),
  )
}

/** Rows as we read them. */
export async function ours(path: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const entry of readTar(createReadStream(path))) {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of entry.body) {
      hash.update(chunk)
      size += chunk.length
    }
    rows.push({
      path: withoutSlash(entry.rawPath),
      type: entry.type,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      uname: base64(entry.pax.get('uname') ?? Buffer.from(entry.uname)),
      gname: base64(entry.pax.get('gname') ?? Buffer.from(entry.gname)),
      size,
      seconds: entry.mtime,
      nanoseconds: entry.mtimeNs,
      linkname: base64(entry.rawLinkname),
      dev: [entry.devMajor, entry.devMinor],
      xattrs: Object.fromEntries(Array.from(entry.xattrs, ([name, value]) => [name, base64(value)])),
      sha256: hash.digest('hex'),
    })
  }
  return rows
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** Python drops the slash of a folder. */
export function withoutSlash(path: Uint8Array): string {
  return base64(path.at(-1) === 0x2f ? path.subarray(0, -1) : path)
}
