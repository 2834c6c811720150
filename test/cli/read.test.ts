import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expected, json, ocidir, scratch, unpack } from './command.ts'

interface Fixture {
  readonly tags: readonly string[]
  readonly index: readonly { digest: string; mediaType: string; tag?: string }[]
  readonly images: readonly {
    readonly manifest: string
    readonly config: string
    readonly platform?: { os: string; architecture: string } | null
    readonly layers: readonly { digest: string; size: number; compression?: string; diffID?: string }[]
    readonly files: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }[]
}

const folder = scratch()
const layouts = [
  'buildah-commit',
  'crane-append',
  'crane-multiarch',
  'oras-multiarch',
  'regctl-multiarch',
  'rs-gzip',
  'rs-none',
  'rs-referrers',
  'rs-special',
  'rs-tarformats',
  'rs-zstd',
  'skopeo-zstd',
  'umoci-raw',
]
const paths = new Map(layouts.map(name => [name, unpack(name, folder)]))
const at = (name: string): string => paths.get(name) ?? ''

describe.each(layouts)('of %s', name => {
  const { tags, index, images } = expected<Fixture>(name)
  const real = images.filter(image => image.platform)

  it('tags lists what an independent tool lists', async () => {
    const rows = await json(['tags', at(name)])
    expect(rows).toEqual(
      index
        .filter(({ tag }) => tag)
        .map(({ tag, digest, mediaType }) => ({
          tag,
          digest,
          mediaType,
          size: expect.any(Number),
          platform: mediaType.includes('index')
            ? null
            : expect.objectContaining(real.find(image => image.manifest === digest)?.platform ?? {}),
        })),
    )
    expect(Array.isArray(rows) && rows.map(({ tag }) => tag).sort()).toEqual([...tags].sort())
    const text = await ocidir(['tags', at(name)])
    expect(text.stdout.split('\n').slice(0, -1)).toHaveLength(tags.length)
  })

  it.each(real.map(image => image.manifest))('%s has the same layers and bytes', async digest => {
    const image = real.find(({ manifest }) => manifest === digest)
    const ref = `${at(name)}@${digest}`
    expect(await json(['inspect', ref])).toMatchObject({
      digest,
      configDigest: image?.config,
      layers: image?.layers.map(({ digest, size, diffID }) => ({ digest, size, diffId: diffID })),
    })
    expect(sha256((await ocidir(['manifest', ref])).bytes)).toBe(digest)
    expect(sha256((await ocidir(['config', ref])).bytes)).toBe(image?.config)
  })

  it.each(real.map(image => image.manifest))('%s has the same files', async digest => {
    const image = real.find(({ manifest }) => manifest === digest)
    const rows = await json(['ls', `${at(name)}@${digest}`, '--digests'])
    if (!Array.isArray(rows)) throw new Error('ls prints an array')
    const found = new Map(rows.map(row => [row.path, row]))
    const files = Object.entries(image?.files ?? {})
    for (const [path, file] of files) {
      const { type, xattrsBase64, implicit, ...rest } = file
      const wanted = {
        ...rest,
        type: type === 'dir' ? 'directory' : type,
        ...(xattrsBase64 ? { xattrs: xattrsBase64 } : {}),
      }
      if (implicit) continue
      expect(found.get(path), path).toEqual({ path, ...wanted })
    }
    const known = new Set(files.map(([path]) => path))
    for (const path of found.keys()) expect(known.has(path), `${path} is in the image`).toBe(true)
  })
})

describe('a reference without a tag', () => {
  it('means the only image, also beside artifacts', async () => {
    const { images } = expected<Fixture>('rs-referrers')
    const { manifest } = images.find(image => image.platform) ?? {}
    expect(await json(['inspect', at('rs-referrers')])).toMatchObject({ digest: manifest })
  })

  it('means the one index, though its children are listed too', async () => {
    expect(await json(['inspect', at('oras-multiarch')])).toMatchObject({
      platform: { architecture: 'amd64' },
    })
    expect(await json(['inspect', at('oras-multiarch'), '--platform', 'linux/arm64'])).toMatchObject({
      platform: { architecture: 'arm64' },
    })
  })

  it('is a wrong call where there are several, and lists them', async () => {
    const { code, stdout, stderr } = await ocidir(['inspect', at('rs-tarformats')])
    expect([code, stdout]).toEqual([2, ''])
    for (const tag of ['gnu', 'pax', 'ustar']) expect(stderr).toContain(`${at('rs-tarformats')}:${tag}`)
  })
})

describe('manifest', () => {
  it('prints the index that a tag names, and with a platform its manifest', async () => {
    const { index, images } = expected<Fixture>('crane-multiarch')
    const ref = `${at('crane-multiarch')}:127.0.0.1:5000/fx:multi`
    expect(sha256((await ocidir(['manifest', ref])).bytes)).toBe(index[0]?.digest)
    const arm = await ocidir(['manifest', ref, '--platform', 'linux/arm64'])
    expect(sha256(arm.bytes)).toBe(images.find(image => image.platform?.architecture === 'arm64')?.manifest)
  })
})

describe('inspect', () => {
  it('shows people what it is', async () => {
    const { images } = expected<Fixture>('rs-gzip')
    const { code, stdout, stderr } = await ocidir(['inspect', at('rs-gzip')])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`Digest:      ${images[0]?.manifest}`)
    expect(stdout).toContain('Platform:    linux/amd64')
    for (const layer of images[0]?.layers ?? []) expect(stdout).toContain(`diffID ${layer.diffID}`)
  })
})

describe('blob', () => {
  const { images } = expected<Fixture>('rs-gzip')
  const layers = images[0]?.layers.map(({ digest }) => digest) ?? []

  it.each(layers)('prints %s byte for byte', async digest => {
    const { code, bytes, stderr } = await ocidir(['blob', `${at('rs-gzip')}@${digest}`])
    expect([code, stderr, sha256(bytes)]).toEqual([0, '', digest])
  })

  it('fails when the bytes are not the digest', async () => {
    const layout = unpack('corrupt', folder, '01-layer-byte-flipped')
    const { config, layers } = JSON.parse((await ocidir(['manifest', layout])).stdout)
    const calls = [config, ...layers].map(({ digest }) => ocidir(['blob', `${layout}@${digest}`]))
    const failed = (await Promise.all(calls)).filter(({ code }) => code !== 0)
    expect(failed.map(({ code }) => code)).toEqual([1])
    expect(failed[0]?.stderr).toMatch(/expected digest sha256/)
  })
})

describe('ls', () => {
  it('lists like tar tv', async () => {
    const { code, stdout, stderr } = await ocidir(['ls', at('rs-gzip')])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^drwxr-xr-x 0\/0 +0 2023-11-14 22:13 bin$/m)
    expect(stdout).toMatch(/^lrwxrwxrwx 0\/0 +0 2023-11-14 22:13 bin\/cat -> busybox$/m)
    expect(stdout).toMatch(/^hrwxr-xr-x 0\/0 +1982256 2023-11-14 22:13 bin\/busybox link to bin\/bb-hard$/m)
    expect(stdout).toContain('data/naïve-日本.txt')
  })

  it('gives digests when asked, and none when not', async () => {
    const plain = await json(['ls', at('rs-none')])
    expect(Array.isArray(plain) && plain.filter(row => 'sha256' in row)).toEqual([])
    const { stdout } = await ocidir(['ls', at('rs-none'), '--digests'])
    expect(stdout).toMatch(/ [0-9a-f]{64} {2}\S/)
  })

  it('lists one layer, whiteouts and all', async () => {
    const layers = await Promise.all(
      [0, 1, 2].map(layer => json(['ls', at('rs-gzip'), '--layer', String(layer)])),
    )
    const names = layers.map(rows => (Array.isArray(rows) ? rows.map(({ path }) => String(path)) : []))
    expect(names[0]?.some(path => path.includes('.wh.'))).toBe(false)
    expect(
      names
        .slice(1)
        .flat()
        .some(path => path.includes('.wh.')),
    ).toBe(true)
    const merged = await json(['ls', at('rs-gzip')])
    expect(Array.isArray(merged) && merged.some(({ path }) => path.includes('.wh.'))).toBe(false)
  })

  it('escapes what a terminal would obey in names', async () => {
    const { stdout } = await ocidir(['ls', at('rs-special')])
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
  })
})

describe('tag and untag', () => {
  const layout = unpack('rs-tarformats', join(folder, 'tagging'))
  const tagsNow = async () => {
    const rows = await json(['tags', layout])
    return new Map(Array.isArray(rows) ? rows.map(row => [row.tag, row.digest]) : [])
  }

  it('gives further names, moves one, and takes names away', async () => {
    const before = await tagsNow()
    const rows = await json(['tag', `${layout}:gnu`, 'reg.io/app:1', 'a@b', 'pax'])
    expect(rows).toMatchObject(
      ['reg.io/app:1', 'a@b', 'pax'].map(tag => ({
        tag,
        digest: before.get('gnu'),
        size: expect.any(Number),
      })),
    )
    const tagged = await tagsNow()
    expect([...tagged.keys()].sort()).toEqual(['a@b', 'gnu', 'pax', 'reg.io/app:1', 'ustar'])
    expect(tagged.get('pax')).toBe(before.get('gnu'))

    const gone = await json(['untag', `${layout}:reg.io/app:1`, 'a@b', `${layout}:pax`])
    expect(gone).toMatchObject([{ tag: 'reg.io/app:1' }, { tag: 'a@b' }, { tag: 'pax' }])
    expect([...(await tagsNow()).keys()].sort()).toEqual(['gnu', 'ustar'])
  })

  it('removes nothing when one of the names is not there', async () => {
    const before = await tagsNow()
    const { code, stdout, stderr } = await ocidir(['untag', `${layout}:gnu`, 'nope'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/no tag "nope"/)
    expect(await tagsNow()).toEqual(before)
  })

  it('names a manifest deep in an index by its digest', async () => {
    const nested = unpack('crane-multiarch', join(folder, 'nested'))
    const { images } = expected<Fixture>('crane-multiarch')
    const arm = images.find(image => image.platform?.architecture === 'arm64')?.manifest
    await json(['tag', `${nested}@${arm}`, 'arm'])
    expect(await json(['tags', nested])).toMatchObject([
      { platform: null },
      { tag: 'arm', digest: arm, platform: { os: 'linux', architecture: 'arm64' } },
    ])
    expect((await ocidir(['fsck', nested])).code).toBe(0)
  })

  it('prints a line for each in text', async () => {
    const { stdout } = await ocidir(['tag', `${layout}:gnu`, 'x', 'y'])
    const digest = (await tagsNow()).get('gnu')
    expect(stdout).toBe(`x\t${digest}\tlinux/amd64\ny\t${digest}\tlinux/amd64\n`)
    expect(readFileSync(join(layout, 'index.json'), 'utf8')).toContain('"x"')
  })
})

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
