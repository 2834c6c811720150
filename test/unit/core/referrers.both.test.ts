import { describe, expect, it } from 'vitest'
import { blobPath } from '../../../src/digest.ts'
import { OciError } from '../../../src/errors.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { referrers } from '../../../src/referrers.ts'
import { fallbackTag } from '../../../src/referring.ts'
import { type Descriptor, emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { forwarding } from '../../suites/forwarding.ts'
import { RawStorage } from './raw-storage.ts'
import { addBlob, addImage, addIndex, emptyDir, failsWith, named, rawLayout, writeSample } from './samples.ts'

type Dir = OciDir<StorageAdapter>

const sbomType = 'application/spdx+json'
const sigType = 'application/vnd.example.sig'

async function imageWithTwo(): Promise<{ dir: Dir; image: Descriptor; sbom: Descriptor; sig: Descriptor }> {
  const dir = await emptyDir()
  const image = (await writeSample(dir, { tag: 'app' })).descriptor
  const layers = [await dir.writeBlob('{"sbom":1}', { mediaType: 'text/plain' })]
  const annotations = { k: 'v' }
  const sbom = await dir.insertArtifactManifest({
    subject: image,
    artifactType: sbomType,
    layers,
    annotations,
  })
  const sig = await dir.insertArtifactManifest({ subject: image, artifactType: sigType })
  return { dir, image, sbom, sig }
}

const addSigned = (raw: RawStorage, content: string, subject?: object): Promise<Descriptor> =>
  addBlob(
    raw,
    {
      schemaVersion: 2,
      config: { ...emptyDescriptor, mediaType: 'application/vnd.example.config' },
      layers: [],
      annotations: { content },
      subject,
    },
    mediaTypes.manifest,
  )

const digestsOf = (found: readonly Descriptor[]): string[] => found.map(({ digest }) => digest)

describe('insertArtifactManifest (the crate: insert_artifact_manifest)', () => {
  it('lists an artifact untagged, with artifactType and annotations (D8, M4)', async () => {
    const { dir, image, sbom } = await imageWithTwo()
    const { manifests } = (await dir.readIndex()).value
    expect(manifests[1]).toEqual(sbom)
    expect(Object.keys(sbom).sort()).toEqual(['annotations', 'artifactType', 'digest', 'mediaType', 'size'])
    expect(sbom).toMatchObject({ artifactType: sbomType, annotations: { k: 'v' } })
    const { mediaType, digest, size } = image
    expect((await dir.readDocument(sbom)).value).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: sbomType,
      config: emptyDescriptor,
      layers: [{ mediaType: 'text/plain', digest: expect.any(String), size: 10 }],
      // Neither the tag nor the platform of today: the artifact's digest would change with them.
      subject: { mediaType, digest, size },
      annotations: { k: 'v' },
    })
    expect(await fsck(dir.storage)).toMatchObject({ ok: true, findings: [] })
  })

  it('has one empty layer where it is given none (M5, M7)', async () => {
    const { dir, sig } = await imageWithTwo()
    expect((await dir.readDocument(sig)).value).toMatchObject({ layers: [emptyDescriptor] })
    expect(await dir.hasBlob(emptyDescriptor)).toBe(true)
  })

  it('takes a subject that is not here (M8), and none at all', async () => {
    const dir = await emptyDir()
    const subject = { ...emptyDescriptor, mediaType: mediaTypes.manifest, digest: `sha256:${'1'.repeat(64)}` }
    const entry = await dir.insertArtifactManifest({ subject: subject as Descriptor, artifactType: sigType })
    expect(digestsOf(await referrers(dir, subject.digest))).toEqual([entry.digest])
    await dir.insertArtifactManifest({ artifactType: sigType })
    expect((await fsck(dir.storage)).ok).toBe(true)
  })

  it('appends, also the same one again, and requires its layers', async () => {
    const { dir, image } = await imageWithTwo()
    await dir.insertArtifactManifest({ subject: image, artifactType: sigType })
    expect((await dir.readIndex()).value.manifests).toHaveLength(4)
    const digest = `sha256:${'2'.repeat(64)}` as const
    const missing = { mediaType: 'text/plain', digest, size: 1 }
    await expect(
      dir.insertArtifactManifest({ subject: image, artifactType: sigType, layers: [missing] }),
    ).rejects.toEqual(failsWith('BLOB_MISSING', { digest }))
    expect((await dir.readIndex()).value.manifests).toHaveLength(4)
  })

  it('refuses an artifactType that is no media type (M4)', async () => {
    const { dir, image } = await imageWithTwo()
    for (const artifactType of ['', 'sbom', 'a/b\n', undefined as unknown as string]) {
      await expect(dir.insertArtifactManifest({ subject: image, artifactType })).rejects.toBeInstanceOf(
        TypeError,
      )
    }
  })
})

describe('referrers (the crate: find_referrers)', () => {
  it('finds them by their subject, by name, digest and descriptor, in document order', async () => {
    const { dir, image, sbom, sig } = await imageWithTwo()
    for (const ref of ['app', image.digest, image, { tag: 'app' }]) {
      expect(await referrers(dir, ref)).toEqual([sbom, sig])
    }
    expect(await referrers(dir, sbom)).toEqual([])
    await expect(referrers(dir, 'none')).rejects.toEqual(failsWith('TAG_NOT_FOUND'))
  })

  it('filters by artifactType, which is the config media type where the manifest names none (M9)', async () => {
    const { dir, image, sbom } = await imageWithTwo()
    expect(await referrers(dir, 'app', { artifactType: sbomType })).toEqual([sbom])
    expect(await referrers(dir, 'app', { artifactType: 'a/b' })).toEqual([])
    const raw = await RawStorage.copyOf(dir.storage)
    const old = await addSigned(raw, 'old', image)
    rawLayout(raw, [old])
    const artifactType = 'application/vnd.example.config'
    const found = await referrers(await OciDir.open(raw), image.digest, { artifactType })
    expect(found).toEqual([{ ...old, artifactType, annotations: { content: 'old' } }])
  })

  it('finds tagged ones, those in nested indexes, and indexes with a subject, each once', async () => {
    const raw = new RawStorage()
    const image = await addImage(raw)
    const tagged = await addSigned(raw, 'tagged', image)
    const nested = await addSigned(raw, 'nested', image)
    const index = await addBlob(
      raw,
      { schemaVersion: 2, artifactType: 'a/index', manifests: [nested, tagged], subject: image },
      mediaTypes.index,
    )
    const other = await addSigned(raw, 'of another', { ...image, digest: `sha256:${'3'.repeat(64)}` })
    const around = await addIndex(raw, [await addIndex(raw, [index]), image])
    rawLayout(raw, [named(image, 'app'), named(tagged, 'x'), around, nested, tagged, other])
    const found = await referrers(await OciDir.open(raw), 'app')
    expect(digestsOf(found)).toEqual([tagged.digest, index.digest, nested.digest])
    expect(found[1]).toMatchObject({ artifactType: 'a/index' })
    expect(found[0]?.annotations).toMatchObject({
      'org.opencontainers.image.ref.name': 'x',
      content: 'tagged',
    })
  })

  it("finds all that the specification's fallback tag lists, and no more", async () => {
    const raw = new RawStorage()
    const image = await addImage(raw)
    const tag = fallbackTag(image.digest)
    expect(tag).toBe(image.digest.replace(':', '-'))
    const listed = await addSigned(raw, 'listed')
    const both = await addSigned(raw, 'both', image)
    const gone = { ...listed, digest: `sha256:${'4'.repeat(64)}` }
    const fallback = await addIndex(raw, [both, gone, image, listed])
    const unlisted = await addSigned(raw, 'unlisted')
    rawLayout(raw, [unlisted, both, named(fallback, tag), named(unlisted, `${tag}x`)])
    expect(digestsOf(await referrers(await OciDir.open(raw), image.digest))).toEqual([
      both.digest,
      listed.digest,
    ])
    rawLayout(raw, [named(fallback, `reg.io/app:${tag}`)])
    expect(digestsOf(await referrers(await OciDir.open(raw), image.digest))).toEqual([
      both.digest,
      listed.digest,
    ])
    // A nested index can't have a name (A4), and a manifest of that name lists nothing.
    rawLayout(raw, [await addIndex(raw, [named(fallback, tag)]), named(unlisted, tag)])
    expect(digestsOf(await referrers(await OciDir.open(raw), image.digest))).toEqual([both.digest])
  })

  it('finds them too where the index of the fallback tag is listed before under no name', async () => {
    const raw = new RawStorage()
    const image = await addImage(raw)
    const listed = await addSigned(raw, 'listed')
    const fallback = await addIndex(raw, [listed])
    rawLayout(raw, [fallback, named(fallback, 'other'), named(fallback, fallbackTag(image.digest))])
    expect(digestsOf(await referrers(await OciDir.open(raw), image.digest))).toEqual([listed.digest])
  })

  it('shortens the fallback tag as the specification says', () => {
    expect(fallbackTag(`sha512:${'a'.repeat(128)}`)).toBe(`sha512-${'a'.repeat(64)}`)
    expect(fallbackTag(`sha256+b64u:${'a_=-'.repeat(10)}`)).toBe(`sha256-b64u-${'a_--'.repeat(10)}`)
  })

  it("finds cosign's by their tags", async () => {
    const raw = new RawStorage()
    const image = await addImage(raw)
    const made = await Promise.all(['sig', 'att', 'sbom', 'txt'].map(ending => addSigned(raw, ending)))
    const tagged = made.map((manifest, i) =>
      named(manifest, `${image.digest.replace(':', '-')}.${['sig', 'att', 'sbom', 'txt'][i]}`),
    )
    rawLayout(raw, [named(image, 'app'), ...tagged])
    const found = await referrers(await OciDir.open(raw), 'app')
    expect(digestsOf(found)).toEqual(digestsOf(made.slice(0, 3)))
  })

  it("finds cosign's by the kind that its save writes, of the only image or of the one of that name", async () => {
    const kind = (descriptor: object, name: string, tag?: string): object => ({
      ...descriptor,
      annotations: {
        kind: `dev.cosignproject.cosign/${name}`,
        ...(tag && { 'org.opencontainers.image.ref.name': tag }),
      },
    })
    const raw = new RawStorage()
    const [a, b] = [await addImage(raw, undefined, 'a'), await addImage(raw, undefined, 'b')]
    const [sigs, atts] = [await addSigned(raw, 'sigs'), await addSigned(raw, 'atts')]
    const find = async (entries: object[], digest: string): Promise<string[]> =>
      digestsOf(await referrers(await OciDir.open(rawLayout(raw, entries)), digest))
    const saved = [kind(a, 'image'), kind(sigs, 'sigs'), kind(atts, 'atts')]
    expect(await find(saved, a.digest)).toEqual([sigs.digest, atts.digest])
    expect(await find([...saved, b], b.digest)).toEqual([])
    // Of two images nobody knows whose they are.
    expect(await find([...saved, kind(b, 'imageIndex')], a.digest)).toEqual([])
    const two = [
      kind(a, 'image', 'a'),
      kind(sigs, 'sigs', 'a'),
      kind(b, 'image', 'b'),
      kind(atts, 'atts', 'b'),
    ]
    expect(await find(two, a.digest)).toEqual([sigs.digest])
    expect(await find(two, b.digest)).toEqual([atts.digest])
  })

  it('passes over what is missing or broken, and finds the others', async () => {
    const { dir, image, sbom, sig } = await imageWithTwo()
    const raw = await RawStorage.copyOf(dir.storage)
    const broken = await OciDir.open(raw)
    raw.change(blobPath(sbom.digest), bytes => bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte)))
    expect(await referrers(broken, image.digest)).toEqual([sig])
    raw.files.delete(blobPath(sbom.digest))
    expect(await referrers(broken, image.digest)).toEqual([sig])
    const evil = await addBlob(
      raw,
      { schemaVersion: 2, manifests: [], config: emptyDescriptor, layers: [], subject: image },
      mediaTypes.manifest,
    )
    raw.edit('index.json', index => ({ ...index, manifests: [evil, sig] }))
    expect(await referrers(broken, image.digest)).toEqual([sig])
  })

  it('does not pass over what the medium fails to read', async () => {
    const { dir, sbom } = await imageWithTwo()
    const storage = forwarding(dir.storage, {
      async open(path, options) {
        if (path !== blobPath(sbom.digest)) return dir.storage.open(path, options)
        throw new OciError('STORAGE_FAILED', { storage: 'memory', operation: 'read' })
      },
    })
    await expect(referrers(await OciDir.open(storage), 'app')).rejects.toEqual(failsWith('STORAGE_FAILED'))
    const reason = new Error('stop')
    await expect(referrers(dir, 'app', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('are still found when the subject has gone', async () => {
    const { dir, image, sbom, sig } = await imageWithTwo()
    await dir.untag('app')
    expect(await referrers(dir, image.digest)).toEqual([sbom, sig])
  })
})
