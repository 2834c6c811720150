/** P16: all that is broken is found, also inside of layers, and nothing that is sound is refused. */

import { beforeAll, describe, expect, it } from 'vitest'
import { archive } from '../../src/archive/index.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { fsck } from '../../src/fsck.ts'
import { collect } from '../../src/streams.ts'
import { writeTar } from '../../src/tar/index.ts'
import corrupt from '../fixtures/corrupt/expected.json' with { type: 'json' }
import odd from '../fixtures/odd-valid/expected.json' with { type: 'json' }
import { Tally } from '../setup/tally.ts'
import { RawStorage } from '../unit/core/raw-storage.ts'
import { brokenLayers } from './damaged-layers.ts'
import { brokenLayouts, soundLayouts } from './damaged-layouts.ts'
import { judge, type Open, serious, withoutChecksums } from './inside.ts'
import { type Files, fixtureFiles, type Kind } from './layouts.ts'

const where = 'document' in globalThis ? 'in Chromium' : 'in Node'
const media: readonly (readonly [string, Open])[] = [
  ['in memory', async files => new RawStorage(files)],
  [
    'in an archive',
    async files => {
      const entries = Array.from(files, ([path, body]) => ({ path, body }))
      return archive(
        new Blob([(await collect(writeTar(entries), { max: 1 << 26 })) as Uint8Array<ArrayBuffer>]),
      )
    },
  ],
]

const judged = Object.entries({ ...corrupt, ...odd })
const named = (should: RegExp): string[] =>
  judged.filter(([, each]) => should.test(each.should)).map(([name]) => name)
const folderOf = (name: string): string => (name in corrupt ? 'corrupt' : 'odd-valid')

/** What fsck must say of each broken fixture: another finding would be of another rule. */
const said: Readonly<Record<string, string>> = {
  '01-layer-byte-flipped': 'error DIGEST_MISMATCH',
  '03-layer-missing': 'error BLOB_MISSING',
  '04-layer-size-wrong': 'error SIZE_MISMATCH',
  '06-no-oci-layout': 'error LAYOUT_MISSING',
  '07-oci-layout-version-9': 'error LAYOUT_INVALID',
  '09-layer-mediatype-unknown': 'warning LAYER_TYPE_UNKNOWN',
  '10-config-blob-altered-same-length': 'error DIGEST_MISMATCH',
  '12-config-blob-missing': 'error BLOB_MISSING',
  '15-duplicate-tag': 'warning TAG_DUPLICATE',
  '16-layer-byte-appended': 'error SIZE_MISMATCH',
  '18-gzip-crc-wrong-redigested': 'error GZIP_INVALID',
  '21-digest-path-traversal-index': 'error DIGEST_INVALID',
  '22-digest-path-traversal-layer': 'error DIGEST_INVALID',
  '24-diffids-fewer-than-layers': 'error DIFF_IDS_COUNT',
  '25-history-more-than-layers': 'warning HISTORY_COUNT',
  '27-tar-path-escape': 'error PATH_ESCAPES',
  '28-tar-cut-short-redigested': 'error TAR_INVALID',
  '30-size-negative': 'error DOCUMENT_INVALID',
  '31-manifest-mediatype-disagrees': 'error MEDIA_TYPE_UNEXPECTED',
  '33-platform-disagrees-with-config': 'warning PLATFORM_MISMATCH',
  '34-gzip-mediatype-but-plain-tar': 'error LAYER_TYPE_MISMATCH',
  '36-index-schemaversion-1': 'error DOCUMENT_INVALID',
  '40-index-entry-blob-missing': 'error BLOB_MISSING',
}

let clean: Files = new Map()
let fixtures: ReadonlyMap<string, Files> = new Map()
let trials: readonly Kind[] = []
let kinds: readonly Kind[] = []
let given: readonly Kind[] = []
beforeAll(async () => {
  clean = await fixtureFiles('corrupt/00-clean')
  fixtures = new Map(
    await Promise.all(
      judged.map(async ([name]) => [name, await fixtureFiles(`${folderOf(name)}/${name}`)] as const),
    ),
  )
  trials = await brokenLayouts(clean)
  kinds = await brokenLayers(clean)
  given = named(/^bad/).map(name => ({
    name,
    said: said[name] ?? 'nothing is said of it',
    broken: fixtures.get(name) ?? new Map(),
    near: clean,
  }))
})

it('there are 35 broken layouts of the trials, and more than twenty kinds of our own', () => {
  expect(named(/^bad/)).toEqual(Object.keys(said))
  expect(given.length + trials.length).toBe(35)
  expect(kinds.length).toBeGreaterThanOrEqual(20)
  expect(new Set([...trials, ...kinds].map(({ name }) => name)).size).toBe(trials.length + kinds.length)
})

describe.each(media)('%s', (place, open) => {
  it('P16: finds all 35 broken layouts, each by its code', async () => {
    const tally = new Tally(`P16: broken layouts of the trials, ${place} ${where}`)
    for (const kind of [...given, ...trials]) {
      const { losses } = tally
      await judge(tally, kind, { open })
      if (tally.losses > losses) console.log(`not found: ${kind.name}, ${kind.said}`)
    }
    expect(tally.report()).toMatchObject({ attempts: 35, fired: 35, losses: 0 })
  })

  it('P16: finds each kind of our own by its code', async () => {
    const tally = new Tally(`P16: broken layers of our own, ${place} ${where}`)
    for (const kind of kinds) {
      const { losses } = tally
      await judge(tally, kind, { open })
      if (tally.losses > losses) console.log(`not found: ${kind.name}`)
    }
    expect(tally.report()).toMatchObject({ fired: kinds.length, losses: 0 })
  })

  it('P16: refuses nothing that is sound', async () => {
    const refused: string[] = []
    const sound = new Map<string, Files>([
      ...(await soundLayouts(clean)),
      ...named(/^ok/).map(name => [name, fixtures.get(name) ?? new Map()] as const),
      ...[...trials, ...kinds].map(({ name, near }) => [`beside ${name}`, near] as const),
    ])
    for (const [name, files] of sound) {
      const { findings } = await fsck(await open(files), { deep: layerCheck() })
      if (serious(findings).length > 0) refused.push(`${name}: ${serious(findings).join(', ')}`)
    }
    console.log(`P16: ${sound.size} sound layouts, ${refused.length} refused, ${place} ${where}`)
    expect(refused).toEqual([])
  })
})

describe('P16: a check that looks less', () => {
  const [, open] = media[0] ?? []

  it('loses without the look inside', async () => {
    const tally = new Tally(`P16: no look inside, ${where} (broken on purpose)`)
    for (const kind of [...trials, ...kinds]) {
      if (open) await judge(tally, kind, { open, deep: undefined })
    }
    expect(tally.report().losses).toBeGreaterThan(20)
  })

  it('loses without checksums', async () => {
    const tally = new Tally(`P16: no check of checksums, ${where} (broken on purpose)`)
    const checked = [...trials, ...kinds].filter(({ name }) => /wrong size|corrupt|broken base/.test(name))
    for (const kind of checked) {
      if (open) await judge(tally, kind, { open, deep: withoutChecksums() })
    }
    expect(tally.report().losses).toBeGreaterThan(2)
  })
})
