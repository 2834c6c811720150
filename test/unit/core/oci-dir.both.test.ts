import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { blobPath } from '../../../src/digest.ts'
import { OciError } from '../../../src/errors.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import type { BlobPath, StorageAdapter } from '../../../src/storage.ts'
import { collect } from '../../../src/streams.ts'
import { forwarding } from '../../suites/forwarding.ts'
import { RawStorage } from './raw-storage.ts'
import {
  addImage,
  amd64,
  arm64,
  emptyDir,
  failsWith,
  named,
  rawLayout,
  text,
  writeSample,
} from './samples.ts'

const readAll = async (stream: ReadableStream<Uint8Array>): Promise<string> =>
  new TextDecoder().decode(await collect(stream, { max: 1 << 20 }))

describe('OciDir.ensure and OciDir.open', () => {
  it('L1: makes a whole layout: marker, blobs and an empty index', async () => {
    const storage = memory()
    const dir = await OciDir.ensure(storage)
    expect(new TextDecoder().decode(await (await storage.open('oci-layout'))?.bytes())).toBe(
      '{"imageLayoutVersion":"1.0.0"}',
    )
    expect((await dir.readIndex()).value).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [],
    })
  })

  it('leaves an existing layout as it is, unknown fields and all, also when two callers race', async () => {
    const storage = memory()
    await storage.update('oci-layout', () => text('{"imageLayoutVersion":"1.0.0","x-own":[1]}'))
    await storage.update('index.json', () =>
      text('{"schemaVersion":2,"manifests":[],"x-own":9007199254740993}'),
    )
    await Promise.all([OciDir.ensure(storage), OciDir.ensure(storage)])
    expect(new TextDecoder().decode(await (await storage.open('oci-layout'))?.bytes())).toContain('x-own')
    expect(new TextDecoder().decode(await (await storage.open('index.json'))?.bytes())).toContain(
      '9007199254740993',
    )
  })

  it('says what is wrong with a place that is no layout', async () => {
    await expect(OciDir.open(memory())).rejects.toEqual(failsWith('LAYOUT_MISSING'))
    for (const marker of ['{"imageLayoutVersion":"9"}', '{}', '[]', 'x', '{"imageLayoutVersion":1}']) {
      const storage = new RawStorage([['oci-layout', marker]])
      await expect(OciDir.open(storage), marker).rejects.toEqual(failsWith('LAYOUT_INVALID'))
    }
  })

  it('opens a layout without index.json, and says so when it is read', async () => {
    const dir = await OciDir.open(new RawStorage([['oci-layout', '{"imageLayoutVersion":"1.0.0"}']]))
    await expect(dir.readIndex()).rejects.toEqual(failsWith('INDEX_MISSING'))
    expect(await dir.find('x')).toBeUndefined()
  })
})

describe('blobs', () => {
  it('come back as they were written, from every kind of source', async () => {
    const dir = await emptyDir()
    const stream = new Blob(['he', 'llo']).stream()
    const chunks = (async function* () {
      yield text('hel')
      yield new Uint8Array()
      yield text('lo')
    })()
    const written = await Promise.all(
      ['hello', text('hello'), new Blob(['hello']), stream, chunks].map(source => dir.writeBlob(source)),
    )
    expect(new Set(written.map(descriptor => descriptor.digest)).size).toBe(1)
    const [first] = written
    if (first === undefined) throw new Error('nothing written')
    expect(first).toMatchObject({ size: 5, mediaType: 'application/octet-stream' })
    expect(await readAll(await dir.readBlob(first))).toBe('hello')
    expect(await readAll(await dir.readBlobRange(first, { start: 1, end: 3 }))).toBe('el')
    expect(await dir.hasBlob(first)).toBe(true)
    expect(await dir.hasBlob({ ...first, size: 6 })).toBe(false)
  })

  it('D6: are written and verified by sha512 too', async () => {
    const dir = await emptyDir()
    const descriptor = await dir.writeBlob('abc', { algorithm: 'sha512' })
    expect(descriptor.digest).toMatch(/^sha512:ddaf35a1/)
    expect(await readAll(await dir.readBlob(descriptor))).toBe('abc')
  })

  it('D3: the size is compared before a byte is read', async () => {
    const dir = await emptyDir()
    const descriptor = await dir.writeBlob('hello')
    await expect(dir.readBlob({ ...descriptor, size: 4 })).rejects.toEqual(
      failsWith('SIZE_MISMATCH', { expected: 4, found: 5 }),
    )
  })

  it('that are aborted between their last byte and their end reject with the reason, and leave nothing', async () => {
    const dir = await emptyDir()
    const abort = new AbortController()
    const reason = new Error('stop')
    const writer = await dir.createBlob({ signal: abort.signal })
    await writer.write(text('foo'))
    abort.abort(reason)
    await expect(writer.complete()).rejects.toBe(reason)
    expect([...(await RawStorage.copyOf(dir.storage)).files.keys()].sort()).toEqual([
      'index.json',
      'oci-layout',
    ])
  })

  it('that are missing, or named by no digest, give their own errors', async () => {
    const dir = await emptyDir()
    await expect(dir.readBlob(emptyDescriptor)).rejects.toEqual(failsWith('BLOB_MISSING'))
    await expect(dir.readBlob({ ...emptyDescriptor, digest: 'sha256:../x' })).rejects.toEqual(
      failsWith('DIGEST_INVALID'),
    )
    expect(await dir.hasBlob(emptyDescriptor)).toBe(false)
  })

  it('are read from an external place when the layout has not got them, and written here', async () => {
    const elsewhere = await emptyDir()
    const there = await elsewhere.writeBlob('there')
    const dir = await OciDir.open((await emptyDir()).storage, { blobs: elsewhere.storage })
    expect(await readAll(await dir.readBlob(there))).toBe('there')
    const here = await dir.writeBlob('here')
    expect(await elsewhere.hasBlob(here)).toBe(false)
  })

  it('an abort while writing ends with its reason and leaves nothing', async () => {
    const dir = await emptyDir()
    const controller = new AbortController()
    const reason = new Error('enough')
    const endless = (async function* () {
      for (let i = 0; ; i++) {
        if (i === 3) controller.abort(reason)
        yield new Uint8Array(1000)
      }
    })()
    await expect(dir.writeBlob(endless, { signal: controller.signal })).rejects.toBe(reason)
    expect([...(await RawStorage.copyOf(dir.storage)).files.keys()].sort()).toEqual([
      'index.json',
      'oci-layout',
    ])
  })
})

describe('tags', () => {
  it('are listed in document order, and point to what was tagged', async () => {
    const dir = await emptyDir()
    const a = await writeSample(dir, { tag: 'a' })
    await writeSample(dir, { tag: 'b', layers: ['b'] })
    await dir.tag('a', 'c', 'reg.io/app:1')
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['a', 'b', 'c', 'reg.io/app:1'])
    expect((await dir.resolve('reg.io/app:1')).digest).toBe(a.descriptor.digest)
    expect((await dir.resolve({ tag: 'c' })).digest).toBe(a.descriptor.digest)
  })

  it('a name set again drops every entry that had it', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'x', platform: amd64 })
    const arm = await writeSample(dir, { tag: 'y', platform: arm64 })
    await dir.tag('y', 'x')
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['y', 'x'])
    expect((await dir.resolve('x')).digest).toBe(arm.descriptor.digest)
  })

  it('untag removes all names or, when one is missing, none', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    await dir.tag('a', 'b')
    await expect(dir.untag('a', 'nope')).rejects.toEqual(
      failsWith('TAG_NOT_FOUND', { tag: 'nope', available: ['a', 'b'] }),
    )
    expect(await dir.tags()).toHaveLength(2)
    await dir.untag('a', 'b')
    expect(await dir.tags()).toEqual([])
  })

  it('never name what goes away while they are written', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'a' })
    const [layer] = image.manifest.value.layers
    let taken = 0
    const storage: StorageAdapter = new Proxy(dir.storage, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (name !== 'update') return typeof value === 'function' ? value.bind(target) : value
        // An untag and a gc in the last moment, and a writer who has just stored the manifest again.
        return async (...call: Parameters<StorageAdapter['update']>) => {
          await target.update('index.json', () => text('{"schemaVersion":2,"manifests":[]}'))
          taken += await target.remove(() => [`blobs/${layer?.digest.replace(':', '/')}` as BlobPath])
          return target.update(...call)
        }
      },
    })
    const beside = await OciDir.open(storage)
    await expect(beside.tag('a', 'b')).rejects.toEqual(failsWith('BLOB_MISSING', { digest: layer?.digest }))
    expect(taken).toBe(1)
    expect(await dir.tags()).toEqual([])
  })

  it('can be given to what stands in an external place, to a sparse image, but not to nothing', async () => {
    const elsewhere = await emptyDir()
    const there = await writeSample(elsewhere, { tag: 'there' })
    const dir = await OciDir.open((await emptyDir()).storage, { blobs: elsewhere.storage })
    await dir.tag(there.descriptor, 'external')
    expect((await dir.openImage('external')).descriptor.digest).toBe(there.descriptor.digest)
    const here = await emptyDir()
    const sparse = await writeSample(here, { tag: 'sparse' })
    await here.storage.remove(() => [
      `blobs/${sparse.manifest.value.layers[0]?.digest.replace(':', '/')}` as BlobPath,
    ])
    await here.tag('sparse', 'again')
    expect(await here.tags()).toHaveLength(2)
    const nothing = { ...there.descriptor, digest: `sha256:${'1'.repeat(64)}` as const }
    await expect(here.tag(nothing, 'gone')).rejects.toEqual(failsWith('BLOB_MISSING'))
    const wrong = { ...sparse.descriptor, size: 1 }
    await expect(here.tag(wrong, 'wrong')).rejects.toEqual(failsWith('SIZE_MISMATCH'))
  })

  it('are not given while the medium fails to say what the image needs: a gc could take it', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'a' })
    const failure = new OciError('STORAGE_FAILED', { storage: 'memory', operation: 'read' })
    const storage = forwarding(dir.storage, {
      async open(path, options) {
        const file = await dir.storage.open(path, options)
        const isManifest = path === blobPath(image.descriptor.digest)
        return file && isManifest ? { ...file, bytes: () => Promise.reject(failure) } : file
      },
    })
    const failing = await OciDir.open(storage)
    await expect(failing.tag(image.descriptor, 'b')).rejects.toEqual(failsWith('STORAGE_FAILED'))
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['a'])
  })

  it('a value that no reader would take is refused before it locks everybody out', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'a' })
    const { bytes } = await dir.readIndex()
    await expect(dir.tag({ ...image.descriptor, mediaType: 'none' }, 'b')).rejects.toEqual(
      failsWith('DOCUMENT_INVALID'),
    )
    const annotations = { x: 1 } as object as Record<string, string>
    await expect(dir.insertManifest(image.manifest.value, { annotations })).rejects.toEqual(
      failsWith('DOCUMENT_INVALID'),
    )
    const config = { ...image.config.value, 'os.version': 5 as unknown as string }
    await expect(dir.writeImage({ manifest: image.manifest.value, config })).rejects.toEqual(
      failsWith('DOCUMENT_INVALID', { at: '/os.version' }),
    )
    let deep: object = {}
    for (let i = 0; i < 70; i++) deep = { deep }
    await expect(dir.writeDocument(deep, { mediaType: 'x/y' })).rejects.toEqual(failsWith('LIMIT_EXCEEDED'))
    expect((await dir.readIndex()).bytes).toEqual(bytes)
  })

  it('an entry written is given back as it stands in index.json', async () => {
    const dir = await emptyDir()
    const image = await writeSample(dir, { tag: 'a' })
    const { value, descriptor } = image.manifest
    const inserted = await dir.insertManifest(
      { ...value, artifactType: 'a/b', subject: descriptor, annotations: { k: 'v' } },
      { tag: 'b' },
    )
    expect((await dir.readIndex()).value.manifests).toEqual([image.descriptor, inserted])
    // D8, and the crate's rule for referrers.
    expect(inserted).toMatchObject({ artifactType: 'a/b', annotations: { k: 'v' } })
  })

  it('of others never reach a terminal as a command to it', async () => {
    const storage = rawLayout(new RawStorage(), [])
    const evil = '\u001b[2J\u009b2J\u007f\u202e'
    const image = await addImage(storage, { os: evil, architecture: evil })
    rawLayout(storage, [named(image, evil), named({ ...image, platform: amd64 }, evil), named(image, evil)])
    const dir = await OciDir.open(storage)
    const messages = [
      ...(await fsck(storage)).findings.map(({ message }) => message),
      ...(await Promise.all(
        [dir.openImage('x'), dir.openImage(evil, { platform: 'linux/s390x' }), dir.openImage(`${evil}1`)].map(
          opening =>
            opening.then(
              () => 'opened',
              ({ message }) => String(message),
            ),
        ),
      )),
    ]
    expect(messages).toHaveLength(6)
    expect(messages.join()).toContain('\\u009b')
    for (const message of messages) expect(message).not.toMatch(/[\p{Cc}\u202e]/u)
  })

  it('refuse what no terminal should see', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    for (const tag of ['', '\u001b[2J', '\u009b2J', 'a\nb', 'x'.repeat(1025), '\ud800']) {
      await expect(dir.tag('a', tag)).rejects.toBeInstanceOf(RangeError)
    }
    expect(await dir.tags()).toHaveLength(1)
  })

  it('P5: 64 at once through one storage: none lost', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'base' })
    await Promise.all(Array.from({ length: 64 }, (_, i) => dir.tag('base', `t${i}`)))
    const kept = (await dir.tags()).filter(({ tag }) => tag !== 'base').length
    console.log(`64 concurrent tags: ${kept} kept, ${64 - kept} lost`)
    expect(kept).toBe(64)
  })

  it('J4: keep every field that nobody here knows, in index and entry', async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: 'a' })
    await dir.storage.update('index.json', now => {
      const index = JSON.parse(new TextDecoder().decode(now))
      index['x-top'] = { deep: [1, null, '\u00e9'] }
      index.annotations = { any: 'thing' }
      index.manifests[0]['x-entry'] = true
      index.manifests[0].platform.features = ['sse4']
      return text(JSON.stringify(index).replace('"x-top":', '"x-big":9007199254740993,"x-top":'))
    })
    await dir.tag('a', 'b')
    await dir.untag('a')
    const bytes = new TextDecoder().decode((await dir.readIndex()).bytes)
    expect(bytes).toContain('"x-big":9007199254740993')
    expect(JSON.parse(bytes)).toMatchObject({
      'x-top': { deep: [1, null, 'é'] },
      annotations: { any: 'thing' },
      manifests: [{ 'x-entry': true, platform: { features: ['sse4'] } }],
    })
  })

  it("Docker's and containerd's full name is matched, and kept in step on a retag", async () => {
    const dir = await emptyDir()
    await writeSample(dir, { tag: '1' })
    await dir.storage.update('index.json', now => {
      const index = JSON.parse(new TextDecoder().decode(now))
      index.manifests[0].annotations['io.containerd.image.name'] = 'docker.io/library/app:1'
      return text(JSON.stringify(index))
    })
    await dir.tag('docker.io/library/app:1', '2', 'ghcr.io/x/y:3')
    const names = (await dir.readIndex()).value.manifests.map(
      entry => entry.annotations?.['io.containerd.image.name'],
    )
    expect(names).toEqual(['docker.io/library/app:1', 'docker.io/library/app:2', 'ghcr.io/x/y:3'])
  })
})
