/** docs/limits.md says what the code says: every limit, its default and where it is set. */

import { expect, it } from 'vitest'
import { defaultArchiveLimits } from '../../src/archive/index.ts'
import { checkedWindowSize } from '../../src/codec/zstd/unzstd.ts'
import { defaultLayerLimits } from '../../src/deep/index.ts'
import { defaultTreeLimits } from '../../src/files/index.ts'
import { defaultLimits } from '../../src/limits.ts'
import { defaultTarLimits } from '../../src/tar/index.ts'
import { expectTable } from '../interop/doc-table.ts'

type Unit = 'bytes' | 'characters' | 'count'
interface Group {
  readonly where: string
  readonly defaults: Readonly<Record<string, number>>
  /** Of each limit its unit and what it guards against. */
  readonly about: Readonly<Record<string, readonly [unit: Unit, against: string]>>
}

const ofTar = {
  maxEntries: ['count', 'a tar of headers alone'],
  maxRecordSize: ['bytes', 'a header that claims gigabytes of names'],
  maxGlobalRecords: ['count', 'records that every later entry goes through'],
  maxSparseParts: ['count', 'a map of holes without end'],
} as const

const groups: readonly Group[] = [
  {
    where: '`engine({ limits })`',
    defaults: { ...defaultLimits },
    about: {
      maxMarkerSize: ['bytes', 'a huge `oci-layout`'],
      maxIndexSize: ['bytes', 'a huge index.json'],
      maxManifestSize: ['bytes', 'a huge manifest or nested index'],
      maxConfigSize: ['bytes', 'a huge config'],
      maxEntries: ['count', 'lists of a document: manifests, layers, diffIDs'],
      maxIndexEntries: ['count', 'entries of index.json'],
      maxIndexDepth: ['count', 'indexes inside indexes'],
      maxJsonDepth: ['count', 'JSON that exhausts the stack'],
      maxJsonValues: ['count', 'JSON that grows in memory: `[]` takes ten times its text'],
      maxDocuments: ['count', 'a graph that is walked for ever'],
      maxDocumentsSize: ['bytes', 'many large documents at once, in `referrers`'],
      maxFindings: ['count', 'a list of faults that fills the memory, in `fsck`; it goes on counting'],
    },
  },
  {
    where: '`readTar(tar, { limits })`',
    defaults: { ...defaultTarLimits },
    about: { ...ofTar, maxSparseSize: ['bytes', 'a body of zeros that no tar holds'] },
  },
  {
    where: '`archive(file, { limits })`',
    defaults: { ...defaultArchiveLimits },
    about: {
      ...ofTar,
      maxPathSize: ['bytes', 'a path or link of a megabyte'],
      maxNamesSize: ['characters', 'a table of names that fills the memory'],
    },
  },
  {
    where: '`files(image, { limits })`',
    defaults: { ...defaultTreeLimits },
    about: {
      ...ofTar,
      maxSparseSize: ['bytes', 'a body of zeros that no tar holds'],
      maxBytes: ['bytes', 'a layer that unpacks for hours'],
      maxPathSize: ['bytes', 'a path or link of a megabyte'],
      maxTreeSize: ['bytes', 'names and folders that fill the memory'],
    },
  },
  {
    where: '`layerCheck({ limits })`',
    defaults: { ...defaultLayerLimits },
    about: {
      ...ofTar,
      maxWindowSize: ['bytes', 'a frame that makes its reader remember gigabytes'],
      maxPathSize: ['bytes', 'a path or link of a megabyte'],
      maxBytes: ['bytes', 'a layer that unpacks for hours'],
      maxNamesSize: ['bytes', 'names that fill the memory, of one layer and of those below'],
    },
  },
  {
    where: '`readLayer(layer, { … })`, `transcode(…, { … })`',
    defaults: { maxBytes: Number.POSITIVE_INFINITY },
    about: { maxBytes: ['bytes', 'a layer that unpacks for hours'] },
  },
  {
    where: '`gunzip(gz, { … })`, `unzstd(zst, { … })`',
    defaults: { maxBytes: Number.POSITIVE_INFINITY },
    about: { maxBytes: ['bytes', 'a stream that unpacks for hours'] },
  },
  {
    where: '`zstd({ … })`, `unzstd(zst, { … })`',
    defaults: { maxWindowSize: checkedWindowSize() },
    about: { maxWindowSize: ['bytes', 'a frame that makes its reader remember gigabytes'] },
  },
  {
    where: '`tree.bytes(path, { … })`',
    defaults: { max: 64 << 20 },
    about: { max: ['bytes', 'a file that is collected in memory'] },
  },
]

it('docs/limits.md lists every limit with its default', async () => {
  const rows = groups.flatMap(({ where, defaults, about }) => {
    expect(Object.keys(about).sort()).toEqual(Object.keys(defaults).sort())
    return Object.entries(defaults).map(([name, value]) => {
      const [unit, against] = about[name] ?? ['count', '']
      return [`\`${name}\``, shown(value), unit, where, against]
    })
  })
  await expectTable('docs/limits.md', 'limits', [
    ['Limit', 'Default', 'Unit', 'Where it is set', 'What it guards against'],
    ...rows,
  ])
})

function shown(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'none'
  for (const [power, name] of [
    [30, 'Gi'],
    [20, 'Mi'],
    [10, 'Ki'],
  ] as const) {
    if (value >= 2 ** power && value % 2 ** power === 0) return `${value / 2 ** power} ${name}`
  }
  return value.toLocaleString('en')
}
