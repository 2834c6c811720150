/** What it costs to open an archive: its headers, whatever lies between them. */

import { expect, it } from 'vitest'
import { archive, defaultArchiveLimits } from '../../../src/archive/index.ts'
import { blobPath } from '../../../src/digest.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Descriptor } from '../../../src/spec.ts'
import { storedBytes } from '../../../src/stored-bytes.ts'
import { equalBytes } from '../../../src/streams.ts'
import { rounds } from '../../setup/rounds.ts'
import { Tally } from '../../setup/tally.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addImage } from '../core/samples.ts'
import { bytesOf, header, member, pax, tar } from '../tar/samples.ts'
import {
  CountingFile,
  faultOf,
  fileOfBlocks,
  hugeArchive,
  listed,
  membersOf,
  sampleFiles,
  tarOf,
} from './samples.ts'

const files = await sampleFiles()
const stride = rounds({ short: 331, long: 1 })

it('an archive of 10 GB opens with reads of its headers only', async () => {
  const count = 25
  const file = new CountingFile(hugeArchive(files, count, 400_000_000))
  const storage = await archive(file)
  expect(file.size).toBeGreaterThan(10_000_000_000)
  const { bytesRead, reads } = file
  console.log(`10 GB, ${count} blobs: opened with ${bytesRead} bytes in ${reads} reads`)
  expect(bytesRead).toBeLessThan(8192 * (count + files.size))
  expect((await (await OciDir.open(storage)).tags()).length).toBe(2)
  const last = `blobs/sha256/${(count - 1).toString(16).padStart(64, '0')}` as const
  expect((await storage.open(last))?.size).toBe(400_000_000)
})

it('bodies lie where the headers say, also beyond 8 GiB', async () => {
  const file = hugeArchive(files, 25, 400_000_000)
  const storage = await archive(file)
  const part = await storage.open(`blobs/sha256/${'0'.repeat(63)}5`)
  expect(await part?.bytes({ start: 0, end: 4 })).toEqual(new Uint8Array(4))
})

it('an archive of 3,000 small blobs opens with few reads, and none of its bytes is read twice', async () => {
  const raw = new RawStorage(files)
  for (let i = 0; i < 3000; i++) raw.files.set(`blobs/sha256/${i}`, new Uint8Array(i % 1500))
  const members = membersOf(raw.files).flatMap(each => [pax([['mtime', '1.5']]), each])
  const file = new CountingFile(storedBytes(tar(...members)))
  const storage = await archive(file)
  console.log(`3,000 small blobs: ${file.bytesRead} of ${file.size} bytes in ${file.reads} reads`)
  expect(file.bytesRead).toBeLessThanOrEqual(file.size + 512)
  expect(file.reads).toBeLessThan(60)
  expect((await listed(storage)).length).toBe(raw.files.size)
})

it('a million tiny entries are refused by the limit, long before they are read', async () => {
  expect(defaultArchiveLimits.maxEntries).toBe(1_000_000)
  const file = new CountingFile(fileOfBlocks(header({ name: 'blobs/sha256/aa' }), 1_100_000))
  const max = 5000
  expect(await faultOf(archive(file, { limits: { maxEntries: max } }))).toEqual({
    code: 'LIMIT_EXCEEDED',
    limit: 'maxEntries',
    max,
    found: max + 1,
  })
  expect(file.bytesRead).toBeLessThan(512 * 2 * max)
})

it('P1: a flipped byte of an archive never reaches a reader of a blob without an error', async () => {
  const raw = new RawStorage(files)
  await addImage(raw)
  const bytes = tarOf(raw.files)
  const verified = new Tally('P1: flipped bytes of an archive, read verified')
  const unverified = new Tally('P1: flipped bytes of an archive, read without a check (broken on purpose)')
  for (let at = 0; at < bytes.length; at += stride) {
    const flipped = bytes.slice()
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    const storage = await archive(flipped).catch(() => undefined)
    const dir = storage && (await OciDir.open(storage).catch(() => undefined))
    await readBlobs(verified, raw.files, async descriptor => bytesOf(await given(dir).readBlob(descriptor)))
    await readBlobs(unverified, raw.files, async ({ digest }) =>
      given(await given(storage).open(blobPath(digest))).bytes(),
    )
  }
  expect(verified.report().losses).toBe(0)
  // Were it not for the digests, damage would have gone through: the flips do hit.
  expect(unverified.report().losses).toBeGreaterThan(0)
})

/** Reads all blobs once: an error has fired, other bytes than the right ones are a loss. */
async function readBlobs(
  tally: Tally,
  files: ReadonlyMap<string, Uint8Array>,
  read: (descriptor: Descriptor) => Promise<Uint8Array>,
): Promise<void> {
  tally.attempts++
  let hasFired = false
  for (const [path, whole] of files) {
    const hex = /^blobs\/sha256\/(.+)$/.exec(path)?.[1]
    if (hex === undefined) continue
    const found = await read({ mediaType: 'x/y', digest: `sha256:${hex}`, size: whole.length }).catch(() => {
      hasFired = true
    })
    if (found !== undefined && !equalBytes(found, whole)) tally.losses++
  }
  if (hasFired) tally.fired++
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it did not open')
  return value
}

it('fsck reads each blob of an archive once', async () => {
  const bytes = tar(...membersOf(files), member({ name: 'readme' }, 'x'))
  const { counts, findings } = await fsck(await archive(new Blob([bytes.slice()])))
  expect(findings.map(({ code }) => code)).toEqual(['FILE_UNKNOWN'])
  expect(counts.bytes).toBeLessThan(bytes.length)
})
