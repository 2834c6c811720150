/** Files of the disk, chosen in a real Chromium: a folder, and an archive; read in place, until they change. */

import { appendFile, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectedOf, filesOf, fixtureTar, onDisk } from '../interop/fixture-layouts.ts'
import { browserArgs } from '../setup/browser.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { describeWith, tool } from '../setup/tools.ts'

describeWith(['chromium'], 'chosen files of the disk', () => {
  const fixture = 'umoci-raw'
  let work: string
  let served: ServedPage
  let browser: Browser

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-chosen-'))
    served = await servePage(new URL('./chosen-files-page.ts', import.meta.url))
    browser = await chromium.launch({ executablePath: tool('chromium'), args: [...browserArgs] })
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  async function choose(path: string, query: string): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(`${served.origin}/${query}`)
    await page.setInputFiles('input', path)
    return page
  }

  async function expectWhole(page: Page, kind: 'files' | 'archive'): Promise<void> {
    const { tags, blobCount } = await expectedOf(fixture)
    const seen = await page.evaluate(kind => openChosen(kind), kind)
    expect(seen.tags).toEqual(tags)
    const unreferenced = seen.findings.filter(finding => finding.startsWith('BLOB_UNREFERENCED'))
    expect(seen.findings).toEqual(unreferenced)
    expect(seen.validated + unreferenced.length).toBe(blobCount)
    expect(await page.evaluate(() => readAgain())).toEqual(['read', 'read', 'read', 'read'])
  }

  it('a folder is its layout; replaced, its files fail with STORAGE_CHANGED', async () => {
    const root = join(work, 'chosen', 'layout')
    await onDisk(await filesOf(`${fixture}/${fixture}`), root)
    const page = await choose(dirname(root), '?folder')
    await expectWhole(page, 'files')
    await appendFile(join(root, 'oci-layout'), ' ')
    await writeFile(join(root, 'new'), '{"schemaVersion":2,"manifests":[]}')
    await rename(join(root, 'new'), join(root, 'index.json'))
    const changed = Array.from({ length: 4 }, () => 'STORAGE_CHANGED')
    expect(await page.evaluate(() => readAgain())).toEqual(changed)
    await page.close()
  })

  it('an archive is its layout; changed or removed, it fails with STORAGE_CHANGED', async () => {
    await mkdir(join(work, 'archive'))
    const path = join(work, 'archive', 'app.tar')
    const changed = Array.from({ length: 4 }, () => 'STORAGE_CHANGED')
    for (const change of [() => appendFile(path, 'more'), () => rm(path)]) {
      await cp(fixtureTar(`${fixture}/${fixture}`), path)
      const page = await choose(path, '')
      await expectWhole(page, 'archive')
      await change()
      expect(await page.evaluate(() => readAgain())).toEqual(changed)
      await page.close()
    }
  })
})
