import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { folder as openFolder } from '../../adapters/node/index.ts'
import { copy } from '../../src/copy/copy.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { filesIn, tarOf } from '../unit/archive/samples.ts'
import { LargeSource, largeTag } from '../unit/core/resumable.ts'
import { ended, json, ocidir, scratch, start, unpack } from './command.ts'

const folder = scratch()
const multi = unpack('crane-multiarch', folder)
const one = unpack('rs-gzip', folder)
const named = unpack('umoci-raw', folder)
const referred = unpack('rs-referrers', folder)
let places = 0
const fresh = (): string => join(folder, `target-${places++}`)

interface Row {
  readonly tag: string | null
  readonly digest: string
  readonly mediaType: string
}
interface Sums {
  readonly entries: readonly Row[]
  readonly copied: number
  readonly shared: number
  readonly present: number
  readonly bytes: number
  readonly unverified: readonly string[]
  readonly absent: readonly string[]
}

const tagsOf = async (path: string): Promise<string[]> =>
  ((await json(['tags', path])) as Row[]).map(({ tag }) => tag ?? '')
const fsckOf = (path: string): Promise<unknown> => json(['fsck', path])
const ok = expect.objectContaining({ ok: true, findings: [] })

it('copy goes on within a large blob, and says so', async () => {
  const source = await LargeSource.make()
  const saved = join(folder, 'large.tar')
  writeFileSync(saved, tarOf(await filesIn(source.storage)))
  const target = fresh()
  source.breaksOff = { after: 5_000_000, error: new Error('connection lost') }
  await expect(copy(await source.dir(), await OciDir.ensure(openFolder(target)))).rejects.toThrow(
    'connection lost',
  )
  const { code, stderr } = await ocidir(['copy', `${saved}:${largeTag}`, target])
  expect(code).toBe(0)
  expect(stderr).toMatch(/\(6\.\d MB, 1 from where an earlier copy had ended\)/)
  expect(await fsckOf(target)).toEqual(ok)
})

describe('clone', () => {
  it('makes the same layout, byte for byte, and says what it did', async () => {
    const target = fresh()
    const call = await ocidir(['clone', referred, target])
    expect(call).toMatchObject({ code: 0, stdout: '' })
    expect(call.stderr).toMatch(/^\d+ blobs copied \(.* kB\), 0 there already\n$/)
    for (const path of ['oci-layout', 'index.json'])
      expect(readFileSync(join(target, path))).toEqual(readFileSync(join(referred, path)))
    expect(await fsckOf(target)).toEqual(ok)
    expect(readdirSync(target).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
  })

  it('goes on where it was, and prints its sums as JSON', async () => {
    const target = fresh()
    const first = (await json(['clone', one, target])) as Sums
    expect(first).toMatchObject({ present: 0, shared: 0, unverified: [], absent: [] })
    expect(await json(['clone', one, target])).toEqual({
      ...first,
      copied: 0,
      present: first.copied,
      bytes: 0,
    })
  })

  it('makes links when it is told to, and says that no byte moved', async () => {
    const target = fresh()
    const { stderr } = await ocidir(['clone', one, target, '--link', '--jobs', '1'])
    expect(stderr).toContain('without moving a byte')
    for (const name of readdirSync(join(target, 'blobs/sha256')))
      expect(statSync(join(target, 'blobs/sha256', name)).ino).toBe(
        statSync(join(one, 'blobs/sha256', name)).ino,
      )
    expect(await fsckOf(target)).toEqual(ok)
  })

  it('refuses a layout that lists something, a part of a layout, and what is not there', async () => {
    const target = fresh()
    await ocidir(['clone', one, target])
    const other = await ocidir(['clone', referred, target])
    expect(other).toMatchObject({ code: 1, stdout: '' })
    expect(other.stderr).toContain('is a layout that lists something already')
    const tag = (await tagsOf(named))[0]
    expect(await ocidir(['clone', `${named}:${tag}`, fresh()])).toMatchObject({ code: 2 })
    const unmade = fresh()
    expect(await ocidir(['clone', join(folder, 'none'), unmade])).toMatchObject({ code: 1 })
    expect(await ocidir(['clone', one, `${unmade}:tag`])).toMatchObject({ code: 2 })
    for (const jobs of ['0', 'x', '257']) {
      const { code, stderr } = await ocidir(['clone', one, unmade, '--jobs', jobs])
      expect(code).toBe(2)
      expect(stderr).toContain(`--jobs is a whole number from 1 to 256, not "${jobs}"`)
    }
    expect(existsSync(unmade)).toBe(false)
  })

  it('of a layout with a corrupt blob fails, and writes no index.json', async () => {
    const source = unpack('rs-none', join(folder, 'corrupt'))
    const [blob = ''] = readdirSync(join(source, 'blobs/sha256'))
      .map(name => join(source, 'blobs/sha256', name))
      .sort((a, b) => statSync(b).size - statSync(a).size)
    const bytes = readFileSync(blob)
    writeFileSync(blob, bytes.fill(1, bytes.length - 1))
    const target = fresh()
    const call = await ocidir(['clone', source, target])
    expect(call).toMatchObject({ code: 1, stdout: '' })
    expect(call.stderr).toContain('expected digest')
    expect(existsSync(join(target, 'index.json'))).toBe(false)
    rmSync(join(folder, 'corrupt'), { recursive: true })
  })
})

describe('copy', () => {
  it('adds the only image of a layout under the name given, in a layout that is made', async () => {
    const target = fresh()
    const call = await ocidir(['copy', one, `${target}:reg.io/app:1`])
    expect(call.code).toBe(0)
    expect(call.stdout).toMatch(/^reg\.io\/app:1\tsha256:[0-9a-f]{64}\n$/)
    expect(await tagsOf(target)).toEqual(['reg.io/app:1'])
    expect(await fsckOf(target)).toEqual(ok)
  })

  it('takes several references, by tag and by digest, and keeps their names', async () => {
    const target = fresh()
    const [tag = ''] = await tagsOf(named)
    const results = (await json(['copy', `${named}:${tag}`, multi, target])) as Sums[]
    expect(results).toHaveLength(2)
    const digest = results[1]?.entries[0]?.digest ?? ''
    const again = (await json(['copy', `${multi}@${digest}`, target])) as Sums[]
    expect(again).toMatchObject([{ copied: 0, bytes: 0 }])
    expect(await tagsOf(target)).toContain(tag)
    expect(await fsckOf(target)).toEqual(ok)
  })

  it('takes an index whole, or the image of one platform alone', async () => {
    const whole = fresh()
    const alone = fresh()
    const [all] = (await json(['copy', multi, `${whole}:m`])) as Sums[]
    const [part] = (await json(['copy', multi, `${alone}:m`, '--platform', 'linux/arm64'])) as Sums[]
    expect(all?.entries).toMatchObject([{ tag: 'm', mediaType: 'application/vnd.oci.image.index.v1+json' }])
    expect(part?.entries).toMatchObject([{ tag: 'm', mediaType: expect.stringContaining('manifest') }])
    expect(part?.copied).toBeLessThan(all?.copied ?? 0)
    const { stdout } = await ocidir(['inspect', `${alone}:m`])
    expect(stdout).toMatch(/linux\/arm64/)
    expect(await ocidir(['copy', multi, `${fresh()}:m`, '--platform', 'plan9/mips'])).toMatchObject({
      code: 1,
    })
  })

  it('--referrers brings what refers to the image', async () => {
    const rows = (await json(['copy', '--all', referred, fresh()])) as Sums[]
    const subject = rows[0]?.entries.find(({ tag }) => tag !== null)
    const plain = (await json(['copy', `${referred}:${subject?.tag}`, fresh()])) as Sums[]
    const target = fresh()
    const full = (await json(['copy', `${referred}:${subject?.tag}`, target, '--referrers'])) as Sums[]
    expect(plain[0]?.entries).toHaveLength(1)
    expect(full[0]?.entries.length).toBeGreaterThan(1)
    expect(await fsckOf(target)).toEqual(ok)
  })

  it('--all brings everything that the layouts list', async () => {
    const target = fresh()
    expect(await ocidir(['copy', '--all', multi, referred, target])).toMatchObject({ code: 0 })
    expect(await tagsOf(target)).toEqual([...(await tagsOf(multi)), ...(await tagsOf(referred))])
    expect(await fsckOf(target)).toEqual(ok)
  })

  it('within one layout is a further name', async () => {
    const target = fresh()
    await ocidir(['copy', one, `${target}:a`])
    const [sums] = (await json(['copy', `${target}:a`, `${target}:b`])) as Sums[]
    expect(sums).toMatchObject({ copied: 0, bytes: 0 })
    expect(await tagsOf(target)).toEqual(['a', 'b'])
  })

  it('called wrongly or for what is not there makes nothing', async () => {
    const target = fresh()
    const wrong: string[][] = [
      [one],
      [one, `${target}@sha256:${'0'.repeat(64)}`],
      [one, named, `${target}:x`],
      // Both call their image so: one of the two would be lost.
      [one, named, target],
      ['--all', one, named, target],
      ['--all', one, `${target}:x`],
      ['--all', one, target, '--platform', 'linux/amd64'],
      [one, target, '--jobs', '1000'],
      [one, target, '--platform', 'linux'],
    ]
    for (const args of wrong)
      expect(await ocidir(['copy', ...args]), args.join(' ')).toMatchObject({ code: 2 })
    for (const ref of [`${named}:none`, join(folder, 'none'), `${one}@sha256:${'0'.repeat(64)}`])
      expect(await ocidir(['copy', ref, target])).toMatchObject({ code: 1, stdout: '' })
    expect(existsSync(target)).toBe(false)
  })

  it('by eight processes at once into one layout loses nothing', async () => {
    const target = fresh()
    const sources = [one, named, referred, multi]
    const names = sources.flatMap((_, i) => [`a-${i}`, `b-${i}`])
    const refs = await Promise.all(
      sources.map(async path => {
        const [tag] = await tagsOf(path)
        return tag === undefined ? path : `${path}:${tag}`
      }),
    )
    const calls = names.map((name, i) => ended(start(['copy', refs[i >> 1] ?? '', `${target}:${name}`])))
    const results = await Promise.all(calls)
    expect(results.map(({ code, stderr }) => [code, stderr.includes('ocidir:')])).toEqual(
      names.map(() => [0, false]),
    )
    const tags = await tagsOf(target)
    console.log(`copies by processes: ${results.length} calls, ${tags.length} names`)
    expect(tags.sort()).toEqual([...names].sort())
    expect(await fsckOf(target)).toEqual(ok)
  })
})

describe('a place to copy to', () => {
  it.each([
    ['copy', ['copy', '--all']],
    ['clone', ['clone']],
  ])('of %s is no folder of other things, and no archive', async (_, call) => {
    const other = fresh()
    mkdirSync(other)
    writeFileSync(join(other, 'letter.txt'), 'dear')
    const refused = await ocidir([...call, one, other])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('neither a layout nor empty')])
    expect(readdirSync(other)).toEqual(['letter.txt'])
    const archive = await ocidir([...call, one, join(folder, 'out.tar')])
    expect([archive.code, archive.stderr]).toEqual([2, expect.stringContaining('would be an archive')])
    expect(existsSync(join(folder, 'out.tar'))).toBe(false)
  })
})
