import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { json, ocidir, scratch, unpack } from './command.ts'

const folder = scratch()
const layout = unpack('umoci-raw', folder)
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url))
const tarOf = (name: string): string => join(fixtures, name, `${name}.tar`)
const archive = join(folder, 'app.tar')
cpSync(tarOf('umoci-raw'), archive)
const rows = (await json(['tags', layout])) as { tag: string; digest: string }[]
const [{ tag, digest } = { tag: '', digest: '' }] = rows

describe('a command that reads says of an archive what it says of the folder', () => {
  it.each([
    ['tags', (place: string) => ['tags', place]],
    ['fsck', (place: string) => ['fsck', place]],
    ['inspect', (place: string) => ['inspect', `${place}:${tag}`]],
    ['inspect @', (place: string) => ['inspect', `${place}@${digest}`]],
    ['ls', (place: string) => ['ls', `${place}:${tag}`, '--digests']],
  ])('%s', async (_, args) => {
    const wanted = await json(args(layout))
    for (const place of [archive, `oci-archive:${archive}`]) {
      expect(await json(args(place))).toEqual(wanted)
    }
  })

  it.each(['oci', 'docker-archive'])('whatever its prefix says: %s', async prefix => {
    expect(await json(['tags', `${prefix}:${archive}`])).toEqual(rows)
  })

  it.each(['manifest', 'config'])('%s', async name => {
    const wanted = await ocidir([name, `${layout}:${tag}`])
    expect(wanted.code).toBe(0)
    expect(await ocidir([name, `oci-archive:${archive}:${tag}`])).toEqual(wanted)
  })

  it('blob', async () => {
    const wanted = await ocidir(['blob', `${layout}@${digest}`])
    expect(await ocidir(['blob', `${archive}@${digest}`])).toEqual(wanted)
  })

  it('a reference without a tag is its only image, or lists its tags', async () => {
    const one = tarOf('buildah-commit')
    expect((await ocidir(['inspect', one])).code).toBe(0)
    if (rows.length > 1) expect((await ocidir(['inspect', archive])).stderr).toContain(`${archive}:${tag}`)
  })
})

it('build takes its base from an archive, layers and all', async () => {
  const env = { SOURCE_DATE_EPOCH: '0' }
  const args = (base: string, out: string): string[] => [
    'build',
    `${join(folder, out)}:app`,
    '--base',
    `${base}:${tag}`,
    '--env',
    'A=b',
  ]
  const fromFolder = await ocidir(args(layout, 'out1'), { env })
  const fromArchive = await ocidir(args(`oci-archive:${archive}`, 'out2'), { env })
  expect(fromArchive).toEqual(fromFolder)
  expect(fromArchive.code).toBe(0)
  expect(await json(['fsck', join(folder, 'out2')])).toMatchObject({ ok: true })
})

describe('a command that writes refuses an archive, as a wrong call', () => {
  it.each([
    [['tag', `${archive}:${tag}`, 'new']],
    [['tag', `oci-archive:${archive}:${tag}`, 'new']],
    [['untag', `${archive}:${tag}`]],
    [['untag', `${layout}:nothing`, `${archive}:${tag}`]],
    [['build', `${archive}:new`]],
    [['build', `oci-archive:${join(folder, 'new.tar')}:new`]],
    [['build', `docker-archive:${join(folder, 'new.tar')}:new`]],
  ])('%j', async args => {
    const before = readFileSync(archive)
    const { code, stdout, stderr } = await ocidir(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/\.tar" is an archive, and only a folder can be written/)
    expect(readFileSync(archive).equals(before)).toBe(true)
  })
})

it('an archive that is cut short is told by its name: a call may name several', async () => {
  const cut = join(folder, 'cut.tar')
  const bytes = readFileSync(archive)
  writeFileSync(cut, bytes.subarray(0, bytes.length / 2))
  const { code, stderr } = await ocidir(['copy', archive, cut, join(folder, 'unmade')])
  expect(code).toBe(1)
  expect(stderr).toContain(`${cut} can't be opened: not a valid tar: cut short`)
})

describe('a file that is something else', () => {
  const packed = join(folder, 'app.tar.gz')
  execFileSync('sh', ['-c', 'gzip -c "$1" > "$2"', 'pack', archive, packed])
  const empty = join(folder, 'empty.tar')
  writeFileSync(empty, '')
  it.each([
    ['docker-archive', tarOf('skopeo-docker-archive'), /found a docker-archive/],
    [
      'docker-archive by its prefix',
      `docker-archive:${tarOf('skopeo-docker-archive')}`,
      /found a docker-archive/,
    ],
    ['skopeo dir', tarOf('skopeo-dir'), /found a tar of a skopeo-dir/],
    ['skopeo dir, unpacked', unpack('skopeo-dir', folder), /looks like a skopeo-dir/],
    ['docker-archive, unpacked', unpackedDocker(), /looks like a docker-archive/],
    ['tar.gz', packed, /unpack it first.*found a gzip file/],
    ['empty file', empty, /found an empty file/],
  ])('is refused by its kind: %s', async (_, place, reason) => {
    const { code, stdout, stderr } = await ocidir(['tags', place])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(reason)
    expect(stderr).not.toMatch(/^ +at /m)
  })
})

function unpackedDocker(): string {
  const into = join(folder, 'docker')
  execFileSync('sh', [
    '-c',
    'mkdir -p "$1" && tar -xf "$2" -C "$1"',
    'unpack',
    into,
    tarOf('skopeo-docker-archive'),
  ])
  return into
}
