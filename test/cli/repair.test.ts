/** `fsck --repair` as a command, on layouts that are really damaged, judged by other tools. */

import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeWith, tool } from '../setup/tools.ts'
import { ocidir, scratch, unpack } from './command.ts'

const folder = scratch()
let places = 0

interface Result {
  readonly ok: boolean
  readonly dryRun: boolean
  readonly actions: readonly { kind: string; digest: string | null; path: string; message: string }[]
  readonly findings: readonly { severity: string; code: string }[]
}

function layout(file = '00-clean'): string {
  return unpack('corrupt', join(folder, String(places++)), file)
}

const clean = layout()

async function repaired(root: string, ...args: string[]): Promise<Result & { code: number | null }> {
  const { code, stdout, stderr } = await ocidir(['fsck', root, '--repair', '--format', 'json', ...args])
  expect(stderr).toBe('')
  return { code, ...JSON.parse(stdout) }
}

/** Every file of a layout, in text that can be compared. */
function filesOf(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()
  const files = names.filter(name => statSync(join(root, name)).isFile())
  return Object.fromEntries(files.map(name => [name, readFileSync(join(root, name), 'latin1')]))
}

function blobsOf(root: string): string[] {
  return readdirSync(join(root, 'blobs/sha256')).map(name => join(root, 'blobs/sha256', name))
}

/** A blob that is no JSON. */
function layerOf(root: string): string {
  return blobsOf(root).find(path => readFileSync(path)[0] !== 0x7b) ?? ''
}

function flip(path: string): void {
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

/** The real damages of a disk, and of tools that write in place. */
const damages: readonly [string, (root: string) => void][] = [
  ['every blob flipped', root => each(blobsOf(root), flip)],
  [
    'every blob cut or longer',
    root => each(blobsOf(root), (path, i) => (i % 2 ? appendFileSync(path, 'x') : halve(path))),
  ],
  ['every other blob gone', root => each(blobsOf(root), (path, i) => i % 2 === 0 && rmSync(path))],
  [
    'index.json cut, oci-layout gone',
    root => {
      truncateSync(join(root, 'index.json'), 40)
      rmSync(join(root, 'oci-layout'))
    },
  ],
]

function each(paths: readonly string[], hurt: (path: string, i: number) => unknown): void {
  for (const [i, path] of paths.entries()) hurt(path, i)
}

function halve(path: string): void {
  truncateSync(path, statSync(path).size >> 1)
}

describeWith(['skopeo'], 'fsck --repair --from', () => {
  it.each(damages)('with %s, skopeo reads the layout again', async (_name, hurt) => {
    const root = layout()
    hurt(root)
    const skopeo = (to: string): number | null =>
      spawnSync(tool('skopeo'), ['copy', `oci:${root}`, `dir:${root}-${to}`]).status
    expect(skopeo('broken')).not.toBe(0)
    const { code, ok, actions } = await repaired(root, '--from', clean)
    expect([code, ok]).toEqual([0, true])
    expect(actions.length).toBeGreaterThan(0)
    const files = filesOf(root)
    for (const [name, bytes] of Object.entries(filesOf(clean)))
      if (name.startsWith('blobs/')) expect(files[name] === bytes, name).toBe(true)
    expect(skopeo('mended')).toBe(0)
  })
})

describe('fsck --repair', () => {
  it('writes nothing in a dry run, and says the same', async () => {
    const root = layout()
    each(blobsOf(root), flip)
    const before = filesOf(root)
    const rehearsed = await repaired(root, '--from', clean, '--dry-run')
    expect(rehearsed).toMatchObject({ code: 0, ok: true, dryRun: true })
    expect(filesOf(root)).toEqual(before)
    expect((await repaired(root, '--from', clean)).actions).toEqual(rehearsed.actions)
  })

  it('prints what it did, then what is still wrong; sums go to stderr', async () => {
    const root = layout()
    const layer = layerOf(root)
    flip(layer)
    const { code, stdout, stderr } = await ocidir(['fsck', root, '--repair'])
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^quarantined blobs\/sha256\/[0-9a-f]{64}: its bytes were not those of its name; .+\nerror BLOB_MISSING /,
    )
    expect(stderr).toMatch(
      /^not ok: 1 action, \d+ blobs validated, 1 error, .+\nnote: .+ the next gc takes it\n$/,
    )
    expect(existsSync(layer)).toBe(false)
    const again = await ocidir(['fsck', root, '--repair', '--from', clean])
    expect(again.code).toBe(0)
    expect(again.stdout).toMatch(/^fetched blobs\/sha256\/[0-9a-f]{64} sha256:[0-9a-f]{64}: \d+ bytes from /)
  })

  it('takes what can’t be mended out of index.json with --quarantine, and keeps it', async () => {
    const root = layout()
    const index = readFileSync(join(root, 'index.json'), 'utf8')
    rmSync(layerOf(root))
    expect((await repaired(root)).code).toBe(1)
    expect(readFileSync(join(root, 'index.json'), 'utf8')).toBe(index)
    const { code, actions } = await repaired(root, '--quarantine')
    expect(code).toBe(0)
    const kept = actions[0]?.digest?.replace(':', '/') ?? ''
    expect(readFileSync(join(root, 'blobs', kept), 'utf8')).toBe(index)
  })

  it('takes blobs from an archive, too', async () => {
    const root = layout()
    const tar = join(folder, 'clean.tar')
    spawnSync('tar', ['-cf', tar, '-C', clean, '.'])
    each(blobsOf(root), halve)
    expect(await repaired(root, '--from', tar)).toMatchObject({ code: 0, ok: true })
  })

  it('is refused for an archive, a part of a layout, and options without it', async () => {
    const tar = join(folder, 'other.tar')
    spawnSync('tar', ['-cf', tar, '-C', clean, '.'])
    for (const args of [
      [tar, '--repair'],
      [`${clean}:tag`, '--repair'],
      [clean, '--from', clean],
      [clean, '--dry-run'],
    ])
      expect((await ocidir(['fsck', ...args])).code, args.join(' ')).toBe(2)
    expect((await ocidir(['fsck', clean, '--repair', '--from', join(folder, 'nowhere')])).code).toBe(1)
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    expect((await repaired(empty)).actions).toEqual([])
    expect(readdirSync(empty)).toEqual([])
  })
})
