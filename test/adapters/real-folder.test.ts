/** A real folder of the disk, dropped on a page in Chromium: the storage suite, and Node looking at the result. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { draft, fsck, OciDir, pushLayer } from '../../src/index.ts'
import type { StorageEntry } from '../../src/storage.ts'
import { browserArgs } from '../setup/browser.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, tool } from '../setup/tools.ts'

const run = promisify(execFile)

describeWith(['chromium', 'skopeo'], 'a real folder in a browser', () => {
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
    browser = await browserWith({ profile: join(work, 'profile'), origin: served.origin, write: 1 })
    page = await pageWith(browser, { origin: served.origin, path: picked })
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

  it.each([
    'blobs/con/aa',
    'blobs/aux/aa',
    'blobs/a.lnk/aa',
    'blobs/sha256/CON',
    'blobs/sha256/lpt1',
  ] as const)('writes nothing under %s, which the browser refuses, and says so', async path => {
    const [put, ...others] = await page.evaluate(async name => {
      const storage = await library.storageIn('refused')
      const told = [
        await library.told(library.put(storage, name, 10)),
        await library.told(storage.open(name)),
        await library.told(storage.update('index.json', () => new Uint8Array([1]), { requires: [name] })),
        await library.told(storage.remove(() => [name])),
      ]
      await storage.close()
      return told
    }, path)
    const denied = { code: 'STORAGE_DENIED', cause: 'TypeError' }
    expect(put).toEqual(denied)
    // Of some names the browser says instead that they are not there.
    const absent = [{ value: undefined }, { code: 'BLOB_MISSING' }, { value: 0 }]
    for (const [i, one] of others.entries()) expect([denied, absent[i]]).toContainEqual(one)
    const left = await readdir(join(picked, 'refused'), { recursive: true, withFileTypes: true })
    expect(left.filter(entry => !entry.isDirectory())).toEqual([])
  })

  it('has no blob that is a link: the browser hides them, so fsck misses it', async () => {
    const digest = await page.evaluate(() => library.build('links', 'app'))
    const blobs = join(picked, 'links/blobs/sha256')
    const outside = join(work, 'outside')
    await rename(join(blobs, digest.slice(7)), outside)
    await symlink(outside, join(blobs, digest.slice(7)))
    await symlink(work, join(blobs, 'a'.repeat(64)))
    const found = await page.evaluate(
      async path => {
        const storage = await library.storageIn('links')
        const { findings } = await library.fsck(storage)
        return {
          paths: (await library.entriesIn('links')).map(entry => entry.path),
          blob: await library.told(storage.open(path)),
          findings: findings.map(({ severity, code }) => `${severity} ${code}`),
        }
      },
      `blobs/sha256/${digest.slice(7)}` as const,
    )
    expect(found.blob).toEqual({ value: undefined })
    expect(found.findings).toContain('error BLOB_MISSING')
    expect(found.paths.filter(path => path.includes(digest.slice(7)) || path.includes('aaaa'))).toEqual([])
  })

  it('reads and writes nothing through a folder that is a link', async () => {
    const outside = join(work, 'elsewhere')
    await mkdir(join(outside, 'sha256'), { recursive: true })
    await writeFile(join(outside, 'sha256', 'aa'), 'secret')
    await mkdir(join(picked, 'linked'))
    await symlink(outside, join(picked, 'linked/blobs'))
    const told = await page.evaluate(async () => {
      const storage = await library.storageIn('linked')
      const told = [
        await library.told(storage.open('blobs/sha256/aa')),
        await library.told(library.put(storage, 'blobs/sha256/bb', 10)),
        await library.told(storage.update('oci-layout', () => new Uint8Array([1]))),
        await library.told(storage.remove(() => ['blobs/sha256/aa'])),
      ]
      await storage.close()
      return told
    })
    const failed = { code: 'STORAGE_FAILED', cause: 'NotFoundError' }
    expect(told).toEqual([{ value: undefined }, failed, failed, { value: 0 }])
    expect(await page.evaluate(() => library.entriesIn('linked'))).toEqual([])
    expect(await readdir(join(outside, 'sha256'))).toEqual(['aa'])
  })

  it('lists no file as a blob that a browser is writing', async () => {
    const entries = await page.evaluate(async () => {
      await library.put(await library.storageIn('swap'), 'blobs/sha256/aa', 10)
      const blobs = await (await dropped?.getDirectoryHandle('swap'))?.getDirectoryHandle('blobs')
      const handle = await (await blobs?.getDirectoryHandle('sha256'))?.getFileHandle('aa')
      const foreign = await handle?.createWritable()
      const found = await library.entriesIn('swap')
      await foreign?.abort()
      return found
    })
    expect([...entries].sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'blobs/sha256/aa', kind: 'file', size: 10 },
      { path: 'blobs/sha256/aa.crswap', kind: 'staged' },
    ])
  })

  it('asks no quota of the origin', async () => {
    const told = await page.evaluate(async () => {
      const storage = await library.storageIn('quota')
      const staged = await storage.stage({ size: Number.MAX_SAFE_INTEGER })
      await staged.discard()
      return storage.close()
    })
    expect(told).toBeUndefined()
    expect(await readdir(join(picked, 'quota'))).toEqual([])
  })

  it('says so when its folder is removed', async () => {
    await page.evaluate(async () => {
      const storage = await library.storageIn('gone')
      await library.put(storage, 'blobs/sha256/aa', 10)
      Object.assign(globalThis, { lost: storage })
    })
    await rm(join(picked, 'gone'), { recursive: true })
    const told = await page.evaluate(async () => {
      const storage: Awaited<ReturnType<typeof library.storageIn>> = Reflect.get(globalThis, 'lost')
      const entries: unknown[] = []
      for await (const entry of storage.list()) entries.push(entry)
      const calls = [
        storage.open('blobs/sha256/aa'),
        library.put(storage, 'blobs/sha256/bb', 10),
        storage.update('index.json', () => new Uint8Array([1])),
        storage.remove(() => ['blobs/sha256/aa']),
      ]
      return { entries, told: await Promise.all(calls.map(library.told)) }
    })
    expect(told.entries).toEqual([])
    expect(told.told).toEqual([
      { value: undefined },
      { code: 'STORAGE_FAILED', cause: 'NotFoundError' },
      { code: 'STORAGE_FAILED', cause: 'NotFoundError' },
      { value: 0 },
    ])
  })

  it('written by a page is sound to Node and to skopeo, and one of Node to the page', async () => {
    const digest = await page.evaluate(() => library.build('both', 'page'))
    const there = join(picked, 'both')
    const dir = await OciDir.open(folder(there))
    const layer = await dir.writeLayer(new Uint8Array(20_480))
    const image = pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer)
    const own = (await dir.writeImage(image, { tag: 'node' })).descriptor.digest
    expect(await fsck(folder(there))).toMatchObject({ ok: true, findings: [], validated: 6 })
    expect(await page.evaluate(async () => library.fsck(await library.storageIn('both')))).toMatchObject({
      ok: true,
      findings: [],
      validated: 6,
    })
    for (const [tag, expected] of [
      ['page', digest],
      ['node', own],
    ] as const) {
      const args = ['inspect', '--format', '{{.Digest}}', `oci:${there}:${tag}`]
      expect((await run(tool('skopeo'), args)).stdout.trim()).toBe(expected)
    }
  })

  it('that a page and Node write at once shows no half of a document to either', async () => {
    const there = join(picked, 'shared')
    await page.evaluate(async () =>
      (await library.storageIn('shared')).update('index.json', () =>
        new TextEncoder().encode('{"by":"","text":""}'),
      ),
    )
    const storage = folder(there)
    const node = new Tally('P6: index.json that a page and Node write at once, read by Node')
    let writing = true
    const inPage = page
      .evaluate(() => library.share('shared'))
      .finally(() => {
        writing = false
      })
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        const text = JSON.stringify({ by: 'node', text: 'n'.repeat((i * 7919) % 20_000) })
        await storage.update('index.json', () => new TextEncoder().encode(text))
        await pause(10)
      }
    })()
    const reader = (async () => {
      while (writing) {
        node.attempts++
        const text = await readFile(join(there, 'index.json'), 'utf8')
        if (!isWhole(text)) node.losses++
        else if (text.includes('"page"')) node.fired++
        await pause(1)
      }
    })()
    const [{ updates, reads, torn, tornUnchecked }] = await Promise.all([inPage, writer, reader])
    console.log(
      `the page: ${updates} updates, ${reads} reads, ${torn} torn; ${tornUnchecked} torn without a check`,
    )
    expect(node.report().losses).toBe(0)
    expect(torn).toBe(0)
    expect(tornUnchecked).toBeGreaterThan(0)
  })

  it('that the user gave for reading only is read, and writing is STORAGE_DENIED', async () => {
    await page.evaluate(async () => {
      const storage = await library.storageIn('read-only')
      await library.put(storage, 'blobs/sha256/aa', 10)
      await storage.close()
    })
    const profile = join(work, 'profile-that-reads')
    const reading = await browserWith({ profile, origin: served.origin, write: 2 })
    try {
      const other = await pageWith(reading, { origin: served.origin, path: join(picked, 'read-only') })
      const told = await other.evaluate(async () => {
        const storage = await openDropped()
        const file = await storage.open('blobs/sha256/aa')
        const calls = [
          library.put(storage, 'blobs/sha256/bb', 10),
          storage.update('index.json', () => new Uint8Array([1])),
          storage.remove(() => ['blobs/sha256/aa']),
        ]
        return { size: file?.size, told: await Promise.all(calls.map(library.told)) }
      })
      expect(told.size).toBe(10)
      for (const one of told.told) expect(one).toEqual({ code: 'STORAGE_DENIED', cause: 'NotAllowedError' })
      expect(await readdir(join(picked, 'read-only'), { recursive: true })).toEqual([
        'blobs',
        'blobs/sha256',
        'blobs/sha256/aa',
      ])
    } finally {
      await reading.close()
    }
  })
})

interface Granted {
  readonly profile: string
  readonly origin: string
  /** As Chromium counts: 1 is allowed, 2 is not. */
  readonly write: 1 | 2
}

/** Headless Chromium can't show its question for a folder: the profile answers it beforehand. */
async function browserWith({ profile, origin, write }: Granted): Promise<BrowserContext> {
  const exceptions = {
    file_system_read_guard: { [`${origin},*`]: { setting: 1 } },
    file_system_write_guard: { [`${origin},*`]: { setting: write } },
  }
  await mkdir(join(profile, 'Default'), { recursive: true })
  await writeFile(
    join(profile, 'Default', 'Preferences'),
    // Each file that is closed would be asked about at a server that the test can't reach, five seconds long.
    JSON.stringify({ profile: { content_settings: { exceptions } }, safebrowsing: { enabled: false } }),
  )
  return chromium.launchPersistentContext(profile, {
    executablePath: tool('chromium'),
    args: [...browserArgs],
  })
}

/** A page on which a folder was dropped. */
async function pageWith(
  browser: BrowserContext,
  { origin, path }: { origin: string; path: string },
): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(origin)
  const session = await browser.newCDPSession(page)
  const data = { items: [], files: [path], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 20, y: 20, data })
  }
  await page.waitForFunction(() => globalThis.dropped !== undefined)
  return page
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
