import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { lstat, mkdtemp, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TarInput, writeTar } from '../../../src/tar/index.ts'
import { describeWith, tool } from '../../setup/tools.ts'
import { type FullInput, randomEntries } from '../../unit/tar/random.ts'
import {
  base64,
  buildGo,
  type GnuRow,
  gnuRows,
  gnuTar,
  ours,
  python,
  type Row,
  rowsIn,
  withoutSlash,
} from './judges.ts'

/** A row as the input says it: no reader has been at it. */
function expectedRow(entry: FullInput): Row {
  const body = entry.body ?? new Uint8Array()
  return {
    path: withoutSlash(entry.rawPath),
    type: entry.type ?? 'file',
    mode: entry.mode ?? 0,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    uname: base64(Buffer.from(entry.uname ?? '')),
    gname: base64(Buffer.from(entry.gname ?? '')),
    size: body.length,
    seconds: entry.mtime ?? 0,
    nanoseconds: entry.mtimeNs ?? 0,
    linkname: base64(entry.rawLinkname ?? new Uint8Array()),
    dev: [entry.devMajor ?? 0, entry.devMinor ?? 0],
    xattrs: Object.fromEntries(Array.from(entry.xattrs ?? [], ([name, value]) => [name, base64(value)])),
    sha256: createHash('sha256').update(body).digest('hex'),
  }
}

describeWith(['tar', 'python3', 'go'], 'tars that we write', () => {
  let work = ''
  let go: Awaited<ReturnType<typeof buildGo>>
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-tar-'))
    go = await buildGo(work)
  })
  afterAll(() => rm(work, { recursive: true, force: true }))

  it.each([
    [7, true],
    [8, false],
    [9, false],
  ])('are read equal by GNU tar, Python and Go: 300 entries from seed %s', async (seed, text) => {
    const entries = randomEntries(seed, 300, { text })
    const path = join(work, `${seed}.tar`)
    await pipeline(Readable.from(writeTar(entries)), createWriteStream(path))
    const expected = entries.map(expectedRow)
    expect(await ours(path)).toEqual(expected)
    expect(rowsIn(await python('list', path))).toEqual(expected)
    expect(rowsIn(await go('list', path))).toEqual(expected)
    expect(await gnuRows(path)).toEqual(expected.map(gnuView))
    const bodies = Buffer.concat(entries.map(({ body = new Uint8Array() }) => body))
    expect(await sha256OfBodies(path)).toBe(createHash('sha256').update(bodies).digest('hex'))
  })

  it('are unpacked by GNU tar with their times, modes and names of any bytes', async () => {
    const name = Buffer.from('caf\xe9', 'latin1')
    const path = join(work, 'unpack.tar')
    const entries: TarInput[] = [
      { path: 'old', mtime: -2, mtimeNs: 500_000_001, mode: 0o640, body: 'old' },
      { path: name, mtime: 1_700_000_000, mtimeNs: 1, body: 'odd' },
      { path: 'link', type: 'symlink', linkname: name },
      { path: 'hard', type: 'hardlink', linkname: 'old' },
    ]
    await pipeline(Readable.from(writeTar(entries)), createWriteStream(path))
    const folder = await mkdtemp(join(work, 'unpacked-'))
    await gnuTar('-C', folder, '--no-same-owner', '-xpf', path)
    const old = await lstat(join(folder, 'old'), { bigint: true })
    expect([old.mtimeNs, old.mode & 0o7777n, old.nlink]).toEqual([-1_499_999_999n, 0o640n, 2n])
    expect(await readlink(join(folder, 'link'), { encoding: 'buffer' })).toEqual(name)
    const odd = Buffer.concat([Buffer.from(`${folder}/`), name])
    expect((await lstat(odd, { bigint: true })).mtimeNs).toBe(1_700_000_000_000_000_001n)
    expect(await readFile(odd, 'utf8')).toBe('odd')
  })
})

/** What GNU tar's list shows of a row. */
function gnuView({ uname, gname, sha256, xattrs, ...row }: Row): GnuRow {
  const lengths = Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value, 'base64').length])
  return { ...row, xattrs: Object.fromEntries(lengths) }
}

/** GNU tar gives the contents of all files, one after the other. */
async function sha256OfBodies(path: string): Promise<string> {
  const program = spawn(tool('tar'), ['--warning=no-unknown-keyword', '-xOf', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const hash = createHash('sha256')
  for await (const chunk of program.stdout) hash.update(chunk)
  return hash.digest('hex')
}
