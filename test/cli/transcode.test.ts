import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { folder as diskFolder } from '../../adapters/node/index.ts'
import { draft, OciDir, pushLayer } from '../../src/index.ts'
import { expected, json, ocidir, scratch, unpack } from './command.ts'

const folder = scratch()
const packed = unpack('rs-gzip', folder)
const zstd = unpack('rs-zstd', folder)
const multi = unpack('crane-multiarch', folder)
const referred = unpack('rs-referrers', folder)
let places = 0
const fresh = (): string => join(folder, `target-${places++}`)

interface Blob {
  readonly digest: string
  readonly size: number
}
interface Result {
  readonly entries: readonly (Blob & { readonly tag: string | null; readonly mediaType: string })[]
  readonly layers: readonly (Blob & { readonly diffId: string; readonly before: Blob })[]
  readonly copied: number
  readonly present: number
}
interface Image {
  readonly config: string
  readonly layers: readonly (Blob & { readonly mediaType: string; readonly diffId: string })[]
}

const transcode = async (...args: string[]): Promise<Result> => (await json(['transcode', ...args])) as Result
const inspect = async (ref: string, ...args: string[]): Promise<Image> =>
  (await json(['inspect', ref, ...args])) as Image
const filesOf = (ref: string): Promise<unknown> => json(['ls', ref, '--digests'])
const faultsIn = async (path: string): Promise<string[]> => {
  const { findings } = (await json(['fsck', path, '--deep'])) as {
    findings: { severity: string; code: string }[]
  }
  return findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code)
}
const tagsOf = async (path: string): Promise<unknown[]> =>
  ((await json(['tags', path])) as { tag: string }[]).map(({ tag }) => tag)
const typesOf = ({ layers }: Image): Set<string> =>
  new Set(layers.map(({ mediaType }) => mediaType.replace('application/vnd.oci.image.layer.v1.', '')))

describe('transcode', () => {
  it.each([
    ['gzip', 'none', 'tar', packed],
    ['zstd', 'none', 'tar', zstd],
    ['zstd', 'gzip', 'tar+gzip', zstd],
  ])('from %s to %s keeps files, diffIDs and config', async (_, compression, type, source) => {
    const target = fresh()
    const result = await transcode(source, `${target}:app`, '--compression', compression)
    const [before, after] = [await inspect(source), await inspect(`${target}:app`)]
    expect(typesOf(after)).toEqual(new Set([type]))
    expect(after.config).toEqual(before.config)
    expect(after.layers.map(({ diffId }) => diffId)).toEqual(before.layers.map(({ diffId }) => diffId))
    expect(result.layers.map(({ digest }) => digest)).toEqual(after.layers.map(({ digest }) => digest))
    expect(result.layers.map(layer => layer.before.digest)).toEqual(before.layers.map(({ digest }) => digest))
    expect(result.entries).toMatchObject([{ tag: 'app' }])
    expect(await filesOf(`${target}:app`)).toEqual(await filesOf(source))
    expect(await faultsIn(target)).toEqual([])
  })

  it('says what it did, and prints name and digest', async () => {
    const target = fresh()
    const call = await ocidir(['transcode', zstd, target, '--compression', 'gzip', '--level', '9'])
    expect(call.code).toBe(0)
    expect(call.stdout).toMatch(/^t\tsha256:[0-9a-f]{64}\n$/)
    expect(call.stderr).toMatch(
      /^2 layers in gzip: \d+ B, 713 B before\n1 blob copied \(\d+ B\), 0 there already\n$/,
    )
    const again = await ocidir(['transcode', zstd, target, '--compression', 'none'])
    expect(again.stderr).toMatch(/^2 layers uncompressed: 30\.7 kB, 713 B before\n/)
  })

  it('of an index takes it whole, or the image of one platform alone', async () => {
    const [whole, alone] = [fresh(), fresh()]
    const all = await transcode(multi, `${whole}:m`, '--compression', 'none', '--jobs', '1')
    expect(all.entries).toMatchObject([{ tag: 'm', mediaType: 'application/vnd.oci.image.index.v1+json' }])
    expect(all.layers).toHaveLength(3)
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const [before, after] = [
        await inspect(multi, '--platform', platform),
        await inspect(`${whole}:m`, '--platform', platform),
      ]
      expect(typesOf(after)).toEqual(new Set(['tar']))
      expect(after.config).toEqual(before.config)
    }
    const one = await transcode(multi, `${alone}:m`, '--compression', 'none', '--platform', 'linux/arm64')
    expect(one.layers).toHaveLength(1)
    expect(one.entries).toMatchObject([{ tag: 'm', mediaType: expect.stringContaining('manifest') }])
  })

  it('--all takes a whole layout, and leaves artifacts and what refers as they are', async () => {
    const target = fresh()
    const { entries, layers } = await transcode('--all', referred, target, '--compression', 'gzip')
    expect(layers.length).toBeGreaterThan(0)
    const before = ((await json(['copy', '--all', referred, fresh()])) as Result[])[0]
    expect(entries.slice(1)).toEqual(before?.entries.slice(1))
    expect(await tagsOf(target)).toEqual(await tagsOf(referred))
    expect(await faultsIn(target)).toEqual([])
  })

  it('leaves layers alone that are in the compression already, unless it is told to', async () => {
    const target = fresh()
    const kept = await transcode(packed, `${target}:kept`, '--compression', 'gzip')
    expect(kept.layers).toEqual([])
    expect(kept.entries[0]?.digest).toBe(
      expected<{ images: { manifest: string }[] }>('rs-gzip').images[0]?.manifest,
    )
    const made = await transcode(packed, `${target}:made`, '--compression', 'gzip', '--recompress')
    expect(made.layers).toHaveLength(3)
    // What is canonical is the same again, whatever it was before.
    await transcode(packed, `${target}:plain`, '--compression', 'none')
    const again = await transcode(`${target}:plain`, `${target}:again`, '--compression', 'gzip')
    expect(again.entries[0]?.digest).toBe(made.entries[0]?.digest)
  })

  it('within one layout takes a tag, which may be the old one', async () => {
    const target = fresh()
    await ocidir(['copy', zstd, `${target}:a`])
    const refused = await ocidir(['transcode', `${target}:a`, `${target}/.`, '--compression', 'gzip'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('within one layout the new image needs a tag')
    await transcode(`${target}:a`, `${target}:b`, '--compression', 'gzip')
    expect(await tagsOf(target)).toEqual(['a', 'b'])
    expect(typesOf(await inspect(`${target}:a`))).toEqual(new Set(['tar+zstd']))
    await transcode(`${target}:a`, `${target}:a`, '--compression', 'none')
    expect(await tagsOf(target)).toEqual(['b', 'a'])
    expect(typesOf(await inspect(`${target}:a`))).toEqual(new Set(['tar']))
    expect(await faultsIn(target)).toEqual([])
  })

  it('reads an archive', async () => {
    const archive = new URL('../fixtures/rs-zstd/rs-zstd.tar', import.meta.url).pathname
    const target = fresh()
    await transcode(archive, `${target}:app`, '--compression', 'none')
    expect(await filesOf(`${target}:app`)).toEqual(await filesOf(zstd))
  })

  it('called wrongly or for what is not there makes nothing', async () => {
    const target = fresh()
    const gzip = ['--compression', 'gzip']
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [[zstd], /expected REF DST/],
      [[zstd, target], /--compression is missing/],
      [[zstd, target, '--compression', 'zip'], /--compression is .* or none, not "zip"/],
      [[zstd, target, '--compression', 'none', '--level', '1'], /--level goes with gzip/],
      [[zstd, target, ...gzip, '--level', '10'], /from 0 to 9/],
      [[zstd, target, ...gzip, '--jobs', '0'], /--jobs is a whole number/],
      [[zstd, target, ...gzip, '--platform', 'linux'], /--platform/],
      [[zstd, `${target}@sha256:${'0'.repeat(64)}`, ...gzip], /DST or DST:TAG/],
      [[zstd, `${target}.tar`, ...gzip], /archive/],
      [['--all', zstd, `${target}:x`, ...gzip], /--all/],
      [['--all', zstd, target, ...gzip, '--platform', 'linux/amd64'], /--all/],
      [['--all', `${zstd}:t`, target, ...gzip], /--all takes a whole layout/],
    ]
    for (const [args, message] of wrong) {
      const { code, stderr } = await ocidir(['transcode', ...args])
      expect([code, stderr], args.join(' ')).toEqual([2, expect.stringMatching(message)])
    }
    for (const ref of [`${zstd}:none`, join(folder, 'none')])
      expect(await ocidir(['transcode', ref, target, ...gzip])).toMatchObject({ code: 1, stdout: '' })
    expect(existsSync(target)).toBe(false)
    const other = fresh()
    mkdirSync(other)
    writeFileSync(join(other, 'letter.txt'), 'dear')
    expect(await ocidir(['transcode', zstd, other, ...gzip])).toMatchObject({ code: 1, stdout: '' })
  })

  it('of an image whose config lies about a layer names nothing', async () => {
    const [liar, target] = [fresh(), fresh()]
    const dir = await OciDir.ensure(diskFolder(liar))
    const layer = await dir.writeLayer('no tar, which nobody asks here')
    const diffId = `sha256:${'1'.repeat(64)}` as const
    await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), { ...layer, diffId }))
    const call = await ocidir(['transcode', liar, `${target}:app`, '--compression', 'gzip'])
    expect(call).toMatchObject({ code: 1, stdout: '' })
    expect(call.stderr).toMatch(/unpacks to sha256:[0-9a-f]{64}, its diffID is sha256:1{64}/)
    expect(await tagsOf(target)).toEqual([])
  })
})
