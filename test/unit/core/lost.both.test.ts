/** What is said of a storage whose medium lost what it held (P19). */

import { expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { fsck } from '../../../src/fsck.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { forwarding } from '../../suites/index.ts'

const since = Date.UTC(2026, 10, 24)

it('OciDir.open says that the layout was lost, not that there never was one', async () => {
  await expect(OciDir.open(memory())).rejects.toMatchObject({ code: 'LAYOUT_MISSING' })
  const lost = forwarding(memory('builds'), { lostSince: since })
  await expect(OciDir.open(lost)).rejects.toMatchObject({
    code: 'STORAGE_LOST',
    data: { storage: 'builds', since },
    message: 'builds has lost what it held (noticed 2026-11-24T00:00:00.000Z)',
  })
})

it('fsck says it once: an error where there is no layout, a warning where one was made again', async () => {
  const lost = forwarding(memory(), { lostSince: since })
  const before = await fsck(lost)
  expect(before.findings.filter(found => found.code === 'STORAGE_LOST')).toMatchObject([
    { severity: 'error' },
  ])
  await OciDir.ensure(lost)
  const after = await fsck(lost)
  expect(after).toMatchObject({ ok: true, findings: [{ severity: 'warning', code: 'STORAGE_LOST' }] })
})

it('a wrapper hands on what the storage says, also later', () => {
  const inner: { lostSince?: number | undefined } & ReturnType<typeof memory> = memory()
  const outer = forwarding(inner)
  expect(outer.lostSince).toBeUndefined()
  inner.lostSince = since
  expect(outer.lostSince).toBe(since)
})
