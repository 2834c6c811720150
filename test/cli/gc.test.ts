import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { json, ocidir, scratch, unpack } from './command.ts'

const folder = scratch()
let layouts = 0

interface Result {
  readonly dryRun: boolean
  readonly removed: readonly { digest: string; size: number }[]
  readonly bytes: number
  readonly kept: number
  readonly swept: number
  readonly broken: readonly string[]
}

/** A layout of eight blobs that index.json reaches. */
function layout(): string {
  return unpack('rs-referrers', join(folder, String(layouts++)))
}

function addGarbage(root: string, content: string): string {
  const hex = createHash('sha256').update(content).digest('hex')
  writeFileSync(join(root, 'blobs/sha256', hex), content)
  return `sha256:${hex}`
}

const blobsIn = (root: string): string[] => readdirSync(join(root, 'blobs/sha256'))
const gcJson = async (args: string[]): Promise<Result> => (await json(['gc', ...args])) as Result

describe('gc', () => {
  it('prints what it removed to stdout, and the sum to stderr', async () => {
    const root = layout()
    const before = blobsIn(root)
    const digest = addGarbage(root, 'garbage')
    expect(await ocidir(['gc', root])).toMatchObject({
      code: 0,
      stdout: `${digest}\t7\n`,
      stderr: `removed 1 blob (7 B), ${before.length} kept, 0 leftovers swept\n`,
    })
    expect(blobsIn(root)).toEqual(before)
    expect(await ocidir(['gc', root])).toMatchObject({ code: 0, stdout: '' })
    expect((await ocidir(['fsck', root])).code).toBe(0)
  })

  it('removes nothing in a dry run, and says the same', async () => {
    const root = layout()
    const digest = addGarbage(root, 'garbage')
    const before = blobsIn(root)
    expect(await ocidir(['gc', root, '--dry-run'])).toMatchObject({
      code: 0,
      stdout: `${digest}\t7\n`,
      stderr: `would remove 1 blob (7 B), ${before.length - 1} kept\n`,
    })
    expect(blobsIn(root)).toEqual(before)
    const removed = [{ digest, size: 7 }]
    const kept = before.length - 1
    expect(await gcJson([root, '--dry-run'])).toEqual({
      dryRun: true,
      removed,
      bytes: 7,
      kept,
      swept: 0,
      broken: [],
    })
    expect(await gcJson([root])).toEqual({ dryRun: false, removed, bytes: 7, kept, swept: 0, broken: [] })
  })

  it('takes an untagged image, but not the artifacts that have entries of their own', async () => {
    const root = layout()
    await ocidir(['untag', `${root}:t`])
    expect((await gcJson([root])).removed).toHaveLength(4)
    expect((await ocidir(['fsck', root])).code).toBe(0)
  })

  it('--older-than leaves what is younger, blobs and leftovers alike', async () => {
    const root = layout()
    const old = addGarbage(root, 'old')
    const young = addGarbage(root, 'young')
    mkdirSync(join(root, '.ocidir'))
    for (const name of ['staged-old', 'staged-young']) writeFileSync(join(root, '.ocidir', name), 'x')
    const hoursAgo = (hours: number): number => Date.now() / 1000 - hours * 3600
    for (const path of [`blobs/${old.replace(':', '/')}`, '.ocidir/staged-old']) {
      utimesSync(join(root, path), hoursAgo(3), hoursAgo(3))
    }
    expect(await gcJson([root, '--older-than', '4h'])).toMatchObject({ removed: [], swept: 0 })
    expect(await gcJson([root, '--older-than', '120m'])).toMatchObject({
      removed: [{ digest: old }],
      swept: 1,
    })
    expect(await gcJson([root])).toMatchObject({ removed: [{ digest: young }], swept: 0 })
    expect(await gcJson([root, '--older-than', '0'])).toMatchObject({ swept: 1 })
    expect(existsSync(join(root, '.ocidir'))).toBe(false)
    for (const age of ['1', '-1h']) {
      const { code, stderr } = await ocidir(['gc', root, `--older-than=${age}`])
      expect([code, stderr]).toEqual([2, expect.stringContaining('--older-than is an age such as 90s')])
    }
  })

  it('--shared-with keeps what another layout reads from this one', async () => {
    const [store, app] = [layout(), layout()]
    await ocidir(['untag', `${store}:t`])
    rmSync(join(app, 'blobs'), { recursive: true })
    mkdirSync(join(app, 'blobs/sha256'), { recursive: true })
    expect(await gcJson([store, '--shared-with', app])).toMatchObject({ removed: [] })
    expect((await gcJson([store, '--dry-run'])).removed).toHaveLength(4)
  })

  it('refuses a folder of blobs that is a link to one of another layout', async () => {
    const [store, app] = [layout(), layout()]
    addGarbage(store, 'garbage')
    const before = blobsIn(store)
    rmSync(join(app, 'blobs'), { recursive: true })
    symlinkSync(join(store, 'blobs'), join(app, 'blobs'))
    const { code, stderr } = await ocidir(['gc', app])
    expect([code, stderr]).toEqual([1, expect.stringContaining('leads out of the layout')])
    expect(blobsIn(store)).toEqual(before)
  })

  it.each(['missing', 'altered'])('takes nothing where a manifest is %s, unless it is forced', async how => {
    const root = layout()
    const { manifests } = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8'))
    const { digest } = manifests.find((entry: { annotations?: object }) => entry.annotations)
    const path = join(root, 'blobs', ...digest.split(':'))
    const bytes = readFileSync(path)
    if (how === 'missing') rmSync(path)
    else writeFileSync(path, '{}'.padEnd(bytes.length))
    const before = blobsIn(root)
    const { code, stderr } = await ocidir(['gc', root])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${digest} is missing or altered`)])
    expect(blobsIn(root)).toEqual(before)
    const told = await gcJson([root, '--dry-run'])
    expect([told.broken, told.removed.length]).toEqual([[digest], expect.any(Number)])
    expect(told.removed.length).toBeGreaterThan(0)
    writeFileSync(path, bytes)
    expect(await gcJson([root])).toMatchObject({ removed: [], broken: [] })
    rmSync(path)
    expect((await gcJson([root, '--force'])).removed.length).toBeGreaterThan(0)
  })

  it('is for a whole layout that is there', async () => {
    expect(await ocidir(['gc', `${layout()}:t`])).toMatchObject({ code: 2 })
    expect(await ocidir(['gc', join(folder, 'nowhere')])).toMatchObject({ code: 1 })
    const root = layout()
    rmSync(join(root, 'index.json'))
    const before = blobsIn(root)
    expect(await ocidir(['gc', root])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no index.json'),
    })
    expect(blobsIn(root)).toEqual(before)
  })
})

describe('referrers', () => {
  it('lists what refers to an image, by type if asked', async () => {
    const root = layout()
    const { manifests } = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8'))
    const [image, sbom, sig] = manifests
    const row = ({ digest, artifactType, size }: typeof sbom): string =>
      `${digest}\t${artifactType}\t${size}\n`
    for (const ref of [root, `${root}:t`, `${root}@${image.digest}`]) {
      expect(await ocidir(['referrers', ref])).toMatchObject({
        code: 0,
        stderr: '',
        stdout: row(sbom) + row(sig),
      })
    }
    const only = ['referrers', `${root}:t`, '--artifact-type', sig.artifactType]
    expect(await ocidir(only)).toMatchObject({ code: 0, stdout: row(sig) })
    expect(await json(['referrers', `${root}:t`])).toEqual([sbom, sig])
  })

  it('needs no subject to be there, but a name must be', async () => {
    const root = layout()
    const rows = await json(['referrers', `${root}:t`])
    const [{ digest }] = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')).manifests
    await ocidir(['untag', `${root}:t`])
    await ocidir(['gc', root])
    expect(await json(['referrers', `${root}@${digest}`])).toEqual(rows)
    expect(await json(['referrers', `${root}@sha256:${'0'.repeat(64)}`])).toEqual([])
    expect(await ocidir(['referrers', `${root}:t`])).toMatchObject({ code: 1 })
  })
})
