/** What a hostile layer may cost the look into it, beside its bytes. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { Notes } from '../../src/deep/notes.ts'
import { fsck } from '../../src/fsck.ts'
import type { LayerCheck, LayerReport } from '../../src/fsck-layers.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { amd64 } from './core/samples.ts'

const encoder = new TextEncoder()

function header(name: string, { type = '0', size = 0, link = '' } = {}): Uint8Array {
  const block = new Uint8Array(512)
  const put = (text: string, at: number): void => block.set(encoder.encode(text), at)
  put(name, 0)
  put('0000644\0', 100)
  put('0000000\0', 108)
  put('0000000\0', 116)
  put(`${size.toString(8).padStart(11, '0')}\0`, 124)
  put('00000000000\0', 136)
  put('        ', 148)
  put(type, 156)
  put(link, 157)
  put('ustar\x0000', 257)
  const sum = block.reduce((a, b) => a + b, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function pax(key: string, value: string): Uint8Array[] {
  const bare = key.length + value.length + 3
  const size = [bare + 1, bare + 2, bare + 3, bare + 4, bare + 5, bare + 6, bare + 7].find(
    n => n === bare + String(n).length,
  )
  const record = encoder.encode(`${size} ${key}=${value}\n`)
  const body = new Uint8Array(Math.ceil(record.length / 512) * 512)
  body.set(record)
  return [header('pax', { type: 'x', size: record.length }), body]
}

async function* tarOf(blocks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* blocks
  yield new Uint8Array(1024)
}

async function looked(
  tars: readonly (readonly Uint8Array[])[],
  deep = layerCheck(),
): Promise<Awaited<ReturnType<typeof fsck>>> {
  const dir = await OciDir.ensure(memory())
  let image = configure(draft(amd64), {})
  for (const tar of tars) image = pushLayer(image, await dir.writeLayer(tarOf(tar)))
  await dir.writeImage(image, { tag: 'x' })
  return fsck(dir.storage, { deep })
}

/** The same look, whose reports are kept. */
function keeping(check: LayerCheck, reports: LayerReport[]): LayerCheck {
  return {
    begin() {
      const looks = check.begin()
      return {
        async look(chunks, options) {
          const report = await looks.look(chunks, options)
          reports.push(report)
          return report
        },
      }
    },
  }
}

it.each(['path', 'linkpath'])(
  'a %s of a mebibyte is told as beyond a limit, and costs nothing',
  async key => {
    const { ok, findings } = await looked([
      [...pax(key, `${'a/'.repeat(500_000)}x`), header('l', { type: '1', link: 'x' })],
    ])
    expect({ ok, codes: findings.map(({ code }) => code) }).toEqual({ ok: true, codes: ['LIMIT_EXCEEDED'] })
  },
)

it('a limit of layers that is no number is a RangeError', () => {
  expect(() => layerCheck({ limits: { maxNamesSize: Number.NaN } })).toThrow(RangeError)
  expect(() => layerCheck({ limits: { maxBytes: -1 } })).toThrow(RangeError)
  expect(() => layerCheck({ limits: { maxEntries: undefined as never } })).not.toThrow()
})

it('a layer whose names are not held holds none for its report either', async () => {
  const check = layerCheck({ limits: { maxNamesSize: 300 } })
  const reports: LayerReport[] = []
  await looked(
    [
      [header('.wh.a'), header('b')],
      [header('.wh.c'), header('d')],
    ],
    keeping(check, reports),
  )
  const known = reports.map(async ({ find, over }) => [find !== undefined, (await over?.([], {}))?.length])
  expect(await Promise.all(known)).toEqual([
    [true, 1],
    [false, undefined],
  ])
})

it('a deep path costs no more where it is followed by another one as deep', async () => {
  const deep = (top: string): string => `${top}/${'d/'.repeat(1500)}`
  const [a, b] = [deep('a'), deep('b')]
  const blocks = (next: (i: number) => string): Uint8Array[] =>
    Array.from({ length: 400 }, (_, i) => [...pax('path', `${next(i)}f${i}`), header('x')]).flat()
  const timeOf = async (next: (i: number) => string): Promise<number> => {
    const start = performance.now()
    expect((await looked([blocks(next)])).findings).toEqual([])
    return performance.now() - start
  }
  const alike = await timeOf(() => a)
  const inTurn = await timeOf(i => (i % 2 === 0 ? a : b))
  console.log(`deep paths: ${alike.toFixed()} ms one by one, ${inTurn.toFixed()} ms in turn`)
  // It was twenty times as much.
  expect(inTurn).toBeLessThan(5 * alike + 500)
})

it('what was listed of a layer is held no longer', () => {
  const notes = new Notes(2)
  for (let i = 0; i < 3; i++) notes.add('warning', 'PATH_DUPLICATE', { offset: i, message: 'twice' })
  const first = notes.list()
  expect(first.map(({ message }) => message)).toEqual([
    'twice (at byte 0)',
    'twice (at byte 1)',
    'and 1 more of this kind in the layer',
  ])
  expect(notes.list()).toEqual(first.slice(2))
})

it('a comparison with layers below gives up at an abort', async () => {
  const links = Array.from({ length: 2000 }, (_, i) =>
    header(`l${i}`, { type: '1', link: `${'d/'.repeat(40)}t` }),
  )
  const reports: LayerReport[] = []
  const check = layerCheck()
  await looked([links], keeping(check, reports))
  const below = Array.from({ length: 2000 }, () => () => undefined)
  const ended = new AbortController()
  setTimeout(() => ended.abort(new Error('enough')), 10)
  await expect(reports[0]?.over?.(below, { signal: ended.signal })).rejects.toThrow('enough')
})

it('deep paths of links cost no more than a look for each folder, and others have their turn', async () => {
  const deep = 'd/'.repeat(1500)
  const links = Array.from({ length: 20 }, (_, i) => [
    ...pax('linkpath', `${deep}t${i}`),
    header(`l${i}`, { type: '1', link: 'x' }),
  ]).flat()
  const reports: LayerReport[] = []
  await looked([links], keeping(layerCheck(), reports))
  let lookups = 0
  const layers = 1000
  // One layer has the folders, as hostile ones will.
  const below = Array.from({ length: layers }, (_, i) => (path: string) => {
    lookups += 1
    return i === layers - 1 && path.endsWith('d') ? 'folder' : undefined
  })
  const found = await reports[0]?.over?.(below, {})
  expect(found?.at(-1)?.message).toBe('and 10 more of this kind in the layer')
  // It was links x folders x layers: thirty million.
  expect(lookups).toBeLessThanOrEqual((2 * 20 + 1501) * layers)
  // An abort is heeded amid the lookups for one link.
  const ended = new AbortController()
  const at = lookups
  setTimeout(() => ended.abort(new Error('enough')), 10)
  const slow = below.map(find => (path: string) => {
    const start = performance.now()
    while (performance.now() - start < 0.01);
    return find(path)
  })
  await expect(reports[0]?.over?.(slow, { signal: ended.signal })).rejects.toThrow('enough')
  expect(lookups - at).toBeLessThan(100_000)
})

it('a folder of its own for each link costs little more than one for all', async () => {
  const deep = 'd/'.repeat(1500)
  const count = 500
  const layerOf = (key: string, next: (i: number) => string, type: string): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => [
      ...pax(key, next(i)),
      header(`l${i}`, { type, link: 'x' }),
    ]).flat()
  const timeOf = async (next: (i: number) => string): Promise<number> => {
    const start = performance.now()
    const layers = [
      layerOf('path', i => `${next(i)}/f${i}`, '0'),
      layerOf('linkpath', i => `${next(i)}/t${i}`, '1'),
    ]
    const { findings } = await looked(layers)
    expect(findings.filter(({ code }) => code === 'HARDLINK_DANGLING')).toHaveLength(11)
    return performance.now() - start
  }
  const one = await timeOf(() => `${deep}x`)
  const own = await timeOf(i => `${deep}x${i}`)
  console.log(`links to deep folders: ${one.toFixed()} ms to one, ${own.toFixed()} ms to one each`)
  // It was some twenty times as much, most of it in one go.
  expect(own).toBeLessThan(5 * one + 500)
})

it('a layer that asks for nothing below is not compared', async () => {
  const reports: LayerReport[] = []
  await looked([[header('a')], [header('.wh.a')]], keeping(layerCheck(), reports))
  expect(reports.map(({ over }) => over !== undefined)).toEqual([false, true])
})
