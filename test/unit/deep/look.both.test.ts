import { describe, expect, it } from 'vitest'
import { gzip } from '../../../src/codec/gzip.ts'
import { type LayerCheckOptions, layerCheck } from '../../../src/deep/index.ts'
import { digestOf } from '../../../src/digest.ts'
import { OciError } from '../../../src/errors.ts'
import { type FsckResult, fsck } from '../../../src/fsck.ts'
import type { LayerCheck, LayerLooks } from '../../../src/fsck-layers.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { mediaTypes } from '../../../src/spec.ts'
import { concat } from '../../../src/streams.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addBlob, addIndex, amd64, emptyDir, rawLayout } from '../core/samples.ts'
import { member, type RawHeader, tar } from '../tar/samples.ts'

const file = (name: string, fields: RawHeader = {}): Uint8Array => member({ name, ...fields }, 'content')
const lines = ({ findings }: FsckResult): string[] =>
  findings.map(({ severity, code, path, entry, offset }) => [severity, code, path, entry, offset].join(' '))

/** A layout of one image with these tars as gzip layers, and the paths of their blobs. */
async function layoutOf(...tars: Uint8Array[]): Promise<{ storage: RawStorage; blobs: string[] }> {
  const dir = await emptyDir()
  const layers = []
  for (const content of tars) layers.push(await dir.writeLayer(content, { codec: gzip() }))
  const image = layers.reduce((made, layer) => pushLayer(made, layer, { createdBy: 'x' }), draft(amd64))
  await dir.writeImage(image)
  const blobs = layers.map(({ descriptor }) => `blobs/${descriptor.digest.replace(':', '/')}`)
  return { storage: await RawStorage.copyOf(dir.storage), blobs }
}

async function looked(content: Uint8Array, options?: LayerCheckOptions): Promise<string[]> {
  const { storage } = await layoutOf(content)
  return lines(await fsck(storage, { deep: layerCheck(options) }))
}

/** A look into layers, and how many there were. */
function counted(): { readonly deep: LayerCheck; readonly count: () => number } {
  const check = layerCheck()
  let looks = 0
  const begin = (): LayerLooks => {
    const begun = check.begin()
    return { look: (chunks, options) => begun.look(chunks, options).finally(() => looks++) }
  }
  return { deep: { begin }, count: () => looks }
}

const place = 'index.json/manifests/0/layers/0'

describe('a look inside', () => {
  it('reads each blob once, also where two images share it', async () => {
    const { storage } = await layoutOf(tar(file('a')), tar(file('b')))
    const index = JSON.parse(new TextDecoder().decode(storage.files.get('index.json')))
    rawLayout(storage, [...index.manifests, await addIndex(storage, index.manifests)])
    const sum = [...storage.files].reduce(
      (all, [path, { length }]) => all + (path.startsWith('blobs/') ? length : 0),
      0,
    )
    const { deep, count } = counted()
    storage.opened.length = 0
    const result = await fsck(storage, { deep })
    expect([result.findings, result.counts.bytes, count()]).toEqual([[], sum, 2])
  })

  it('reads a layer once for each algorithm of diffIDs, however many images take turns', async () => {
    const { storage } = await layoutOf(tar(file('a')))
    const index = JSON.parse(new TextDecoder().decode(storage.files.get('index.json')))
    const read = (digest: string): Uint8Array =>
      storage.files.get(`blobs/${digest.replace(':', '/')}`) ?? new Uint8Array()
    const manifest = JSON.parse(new TextDecoder().decode(read(index.manifests[0].digest)))
    const config = JSON.parse(new TextDecoder().decode(read(manifest.config.digest)))
    const long = await digestOf(tar(file('a')), { algorithm: 'sha512' })
    const entries = []
    for (let i = 0; i < 6; i++) {
      const rootfs = i % 2 === 0 ? config.rootfs : { ...config.rootfs, diff_ids: [long] }
      const own = await addBlob(storage, { ...config, rootfs, author: String(i) }, mediaTypes.config)
      entries.push(await addBlob(storage, { ...manifest, config: own }, mediaTypes.manifest))
    }
    rawLayout(storage, entries)
    const { deep, count } = counted()
    const { ok } = await fsck(storage, { deep })
    expect([ok, count()]).toEqual([true, 2])
  })

  it('finds hard links that lead to themselves or in a circle, and follows those that do not', async () => {
    const link = (name: string, linkname: string): Uint8Array => member({ name, type: '1', linkname })
    const codes = async (...parts: Uint8Array[]): Promise<string[]> =>
      (await looked(tar(...parts))).map(line => line.split(' ').slice(0, 2).join(' '))
    const dangling = 'error HARDLINK_DANGLING'
    expect(await codes(link('x', 'x'))).toEqual([dangling])
    expect(await codes(link('a', 'b'), link('b', 'a'))).toEqual([dangling, dangling])
    expect(await codes(link('a', 'b'), link('b', 'c'), link('c', 'a'), link('d', 'a'))).toEqual(
      Array(4).fill(dangling),
    )
    const forward = 'warning HARDLINK_FORWARD'
    expect(await codes(link('a', 'b'), link('b', 'c'), file('c'))).toEqual([forward, forward])
    expect(await codes(file('c'), link('b', 'c'), link('a', 'b'))).toEqual([])
    const chain = Array.from({ length: 300 }, (_, i) => link(`l${i}`, `l${i + 1}`))
    expect(new Set(await codes(...chain))).toEqual(new Set([dangling]))
  })

  it('follows hard links into the layers below, by readers who go on in order and by those who wait', async () => {
    const link = (name: string, linkname: string): Uint8Array => member({ name, type: '1', linkname })
    const codes = async (...tars: Uint8Array[]): Promise<string[]> => {
      const { storage } = await layoutOf(...tars)
      return lines(await fsck(storage, { deep: layerCheck() })).map(line =>
        line.split(' ').slice(1, 2).join(''),
      )
    }
    const [forward, dangling] = ['HARDLINK_FORWARD', 'HARDLINK_DANGLING']
    expect(await codes(tar(file('c')), tar(link('b', 'c'), link('a', 'b')))).toEqual([])
    expect(await codes(tar(file('c')), tar(link('a', 'b'), link('b', 'c')))).toEqual([forward])
    // In order `a` is the file below, and `b` a link to it.
    expect(await codes(tar(file('b')), tar(link('a', 'b'), link('b', 'a')))).toEqual([forward])
    expect(await codes(tar(file('x')), tar(link('a', 'b'), link('b', 'a')))).toEqual([dangling, dangling])
    expect(await codes(tar(file('c')), tar(link('a', 'b'), link('b', 'c'), link('c', 'a')))).toEqual([
      forward,
      forward,
    ])
    // One path twice: what holds of its one link doesn't of the other.
    const twice = ['PATH_DUPLICATE', dangling]
    expect(await codes(tar(file('x')), tar(link('a', 'x'), link('a', 'nowhere')))).toEqual(twice)
    expect(await codes(tar(file('x')), tar(link('a', 'nowhere'), link('a', 'x')))).toEqual(twice)
    const symlink = member({ name: 'd', type: '2', linkname: 'e' })
    expect(await codes(tar(symlink), tar(link('b', 'd/c'), link('a', 'b')))).toEqual([])
    expect(await codes(tar(file('d/x')), tar(link('b', 'd/c'), link('a', 'b')))).toEqual([dangling, dangling])
  })

  it('says of each image what its layers lack below, and that it is this one', async () => {
    const { storage } = await layoutOf(tar(file('b')), tar(member({ name: 'a', type: '1', linkname: 'b' })))
    const index = JSON.parse(new TextDecoder().decode(storage.files.get('index.json')))
    const read = (digest: string): Record<string, object[]> =>
      JSON.parse(new TextDecoder().decode(storage.files.get(`blobs/${digest.replace(':', '/')}`)))
    const manifest = read(index.manifests[0].digest)
    const config = read((manifest.config as unknown as { digest: string }).digest)
    const top = manifest.layers?.[1]
    const entries = []
    for (const author of ['one', 'two']) {
      const { diff_ids } = config.rootfs as unknown as { diff_ids: string[] }
      const rootfs = { type: 'layers', diff_ids: diff_ids.slice(1) }
      const own = await addBlob(storage, { ...config, author, rootfs, history: [] }, mediaTypes.config)
      entries.push(await addBlob(storage, { ...manifest, config: own, layers: [top] }, mediaTypes.manifest))
    }
    rawLayout(storage, [...index.manifests, ...entries])
    const { findings } = await fsck(storage, { deep: layerCheck() })
    // The two are of one stack, of which it is told once.
    expect(findings.map(({ code, image }) => [code, image])).toEqual([
      ['HARDLINK_DANGLING', entries[0]?.digest],
    ])
  })

  it('looks for nothing and keeps nothing in a second look, which only hashes', async () => {
    const looks = layerCheck().begin()
    const content = tar(file('a'), file('a'), member({ name: 'x', type: '1', linkname: 'y' }))
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield content
    }
    const first = await looks.look(chunks(), { algorithm: 'sha256' })
    const second = await looks.look(chunks(), { algorithm: 'sha512', hashOnly: true })
    expect([first.findings.length, first.find !== undefined, first.over !== undefined]).toEqual([
      1,
      true,
      true,
    ])
    expect(second).toEqual({
      content: 'tar',
      findings: [],
      diffId: await digestOf(content, { algorithm: 'sha512' }),
    })
  })

  it('says a wrong digest first, and hashes on behind a fault of the compression', async () => {
    const { storage, blobs } = await layoutOf(tar(file('a')))
    const [path = ''] = blobs
    // Large, so that it comes in a stream; the fault is at its first bytes.
    storage.change(path, bytes => concat([bytes.subarray(0, 10), new Uint8Array(9 << 20).fill(0xff)]))
    const stored = storage.files.get(path) ?? new Uint8Array()
    const index = JSON.parse(new TextDecoder().decode(storage.files.get('index.json')))
    const manifestPath = `blobs/${index.manifests[0].digest.replace(':', '/')}`
    const manifest = JSON.parse(new TextDecoder().decode(storage.files.get(manifestPath)))
    const layer = { ...manifest.layers[0], size: stored.length }
    const entry = await addBlob(storage, { ...manifest, layers: [layer] }, mediaTypes.manifest)
    rawLayout(storage, [entry])
    const result = await fsck(storage, { deep: layerCheck() })
    const found = result.findings.filter(({ severity }) => severity === 'error')
    expect(found.map(({ code }) => code)).toEqual(['DIGEST_MISMATCH', 'GZIP_INVALID'])
    expect(found[0]?.message).toContain(await digestOf(stored))
    expect(result.counts.bytes).toBeGreaterThan(stored.length)
  })

  it('goes on behind a fault of the tar, with entry and offset of each', async () => {
    const bad = file('b', { checksum: '000001\0 ' })
    const found = await looked(tar(file('a'), bad, file('../c'), bad, file('a')))
    expect(found).toEqual([
      `error TAR_INVALID ${place}  1024`,
      `error PATH_ESCAPES ${place} ../c 2048`,
      `error TAR_INVALID ${place}  3072`,
      `warning PATH_DUPLICATE ${place} a 4096`,
    ])
  })

  it('lists so many findings of a kind and counts the rest, and hides none of another kind behind them', async () => {
    const many = Array.from({ length: 30 }, (_, i) => file(`../${i}`))
    const { storage } = await layoutOf(tar(...many, file('a'), file('a')))
    const { findings } = await fsck(storage, { deep: layerCheck({ maxFindings: 3 }) })
    expect(findings.map(({ code }) => code)).toEqual([
      ...Array(3).fill('PATH_ESCAPES'),
      'PATH_DUPLICATE',
      'PATH_ESCAPES',
    ])
    expect(findings.at(-1)?.message).toBe('and 27 more of this kind in the layer')
    expect(() => layerCheck({ maxFindings: 0 })).toThrow(RangeError)
    expect(() => layerCheck({ limits: { maxWindowSize: -1 } })).toThrow(RangeError)
  })

  it('warns where a limit ends the look, and still compares the diffID', async () => {
    const content = tar(file('a'), file('b'), file('b'))
    expect(await looked(content, { limits: { maxEntries: 1 } })).toEqual([
      `warning LIMIT_EXCEEDED ${place}  `,
    ])
    expect(await looked(content, { limits: { maxNamesSize: 70 } })).toEqual([
      `warning LIMIT_EXCEEDED ${place}  `,
    ])
    expect(await looked(content, { limits: { maxBytes: 2000 } })).toEqual([
      `warning LIMIT_EXCEEDED ${place}  `,
    ])
    expect(await looked(content)).toEqual([`warning PATH_DUPLICATE ${place} b 2048`])
  })

  it('says nothing of links and whiteouts into layers whose names are not held', async () => {
    const link = member({ name: 'b', linkname: 'nowhere', type: '1' })
    const { storage } = await layoutOf(tar(file('a')), tar(link, file('.wh.none')))
    const at = 'index.json/manifests/0/layers/1'
    const wide = await fsck(storage, { deep: layerCheck() })
    expect(lines(wide)).toEqual([
      `error HARDLINK_DANGLING ${at} b 0`,
      `info WHITEOUT_OF_NOTHING ${at} .wh.none 512`,
    ])
    // The base alone fills it, so its names are let go.
    const tight = await fsck(storage, { deep: layerCheck({ limits: { maxNamesSize: 64 } }) })
    expect(lines(tight).filter(line => !line.includes('LIMIT_EXCEEDED'))).toEqual([])
  })

  it('passes an abort on, and tells a storage that fails apart from a layer that is broken', async () => {
    const { storage, blobs } = await layoutOf(tar(file('a')))
    const gone = new AbortController()
    const stopping: LayerCheck = {
      begin: () => ({
        async look(chunks, options) {
          gone.abort(new Error('enough'))
          return layerCheck().begin().look(chunks, options)
        },
      }),
    }
    await expect(fsck(storage, { deep: stopping, signal: gone.signal })).rejects.toThrow('enough')
    const open = storage.open.bind(storage)
    storage.open = async path => {
      const found = await open(path)
      if (found === undefined || path !== blobs[0]) return found
      const fault = new OciError('STORAGE_FAILED', { storage: 'raw', operation: 'read' })
      return { ...found, bytes: () => Promise.reject(fault) }
    }
    expect(lines(await fsck(storage, { deep: layerCheck() }))).toEqual([`error STORAGE_FAILED ${place}  `])
  })
})
