/** A real folder of the disk, dropped on a page in Chromium: the storage suite, and Node looking at the result. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import type { StorageEntry } from '../../src/storage.ts'
import { browserArgs } from '../setup/browser.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { describeWith, tool } from '../setup/tools.ts'

describeWith(['chromium'], 'a real folder in a browser', () => {
  let work: string
  let picked: string
  let served: ServedPage
  let browser: BrowserContext
  let page: Page

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-real-'))
    picked = join(work, 'picked')
    await mkdir(picked)
    served = await servePage(new URL('./real-folder-page.ts', import.meta.url))
    await grantFolders(join(work, 'profile'), served.origin)
    browser = await chromium.launchPersistentContext(join(work, 'profile'), {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
    page = await browser.newPage()
    await page.goto(served.origin)
    await drop(page, picked)
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  it('keeps every promise of the storage suite', { timeout: 200_000 }, async () => {
    const results = await page.evaluate(() => runSuite())
    const passed = results.filter(result => result.outcome === 'passed')
    console.log(`storage suite on a real folder: ${passed.length} of ${results.length} cases passed`)
    expect(results.filter(result => !['passed', 'left out'].includes(result.outcome))).toEqual([])
    expect(passed.length).toBeGreaterThan(150)
    expect(await page.evaluate(() => traitsThere())).toMatchObject({
      atomicPublish: true,
      exclusion: 'origin',
    })
    expect(await readdir(picked)).toEqual([])
  })

  it('is the same layout to Node, which takes what a browser is writing for staged', async () => {
    await page.evaluate(() => writeLayout())
    const storage = folder(join(picked, 'layout'))
    const blob = await storage.open('blobs/sha256/aa')
    expect(new TextDecoder().decode(await blob?.bytes())).toBe('from the browser')
    const entries: StorageEntry[] = []
    for await (const entry of storage.list()) entries.push(entry)
    expect(
      entries
        .filter(entry => entry.kind === 'file')
        .map(entry => entry.path)
        .sort(),
    ).toEqual(['blobs/sha256/aa', 'index.json', 'oci-layout'])
    expect(entries.filter(entry => entry.kind === 'staged').length).toBeGreaterThan(0)
  })
})

/** Headless Chromium can't show its question for a folder: the profile answers it beforehand. */
async function grantFolders(profile: string, origin: string): Promise<void> {
  const granted = { [`${origin},*`]: { setting: 1 } }
  const exceptions = { file_system_read_guard: granted, file_system_write_guard: granted }
  await mkdir(join(profile, 'Default'), { recursive: true })
  await writeFile(
    join(profile, 'Default', 'Preferences'),
    // Each file that is closed would be asked about at a server that the test can't reach, five seconds long.
    JSON.stringify({ profile: { content_settings: { exceptions } }, safebrowsing: { enabled: false } }),
  )
}

async function drop(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const data = { items: [], files: [path], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 20, y: 20, data })
  }
  await page.waitForFunction(() => globalThis.dropped !== undefined)
}
