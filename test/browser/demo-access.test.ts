/** The page for everybody: by keyboard alone, by name for a screen reader, narrow, light and dark. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describeWith } from '../setup/tools.ts'
import { build, launch, openPage, type Started, start } from '../tools/demo-page.ts'

// A machine with two busy cores needs many times what a quiet one does.
vi.setConfig({ testTimeout: 90_000 })

describeWith(['chromium'], 'the page, for everybody', () => {
  let server: Started
  let browser: Browser
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ocidir-access-'))
    mkdirSync(join(folder, 'site'))
    writeFileSync(join(folder, 'site', 'index.html'), '<p>hello')
    ;[server, browser] = await Promise.all([start(), launch()])
  }, 180_000)

  afterAll(async () => {
    await Promise.all([server?.stop(), browser?.close()])
    rmSync(folder, { recursive: true, force: true })
  })

  it('can be used by keyboard alone, from the files to the saved tar', async () => {
    const { page } = await openPage(browser, server.address)
    const choosing = page.waitForEvent('filechooser')
    await tabTo(page, /^Choose a folder/)
    await page.keyboard.press('Enter')
    await (await choosing).setFiles(join(folder, 'site'))
    await page.getByText('Folder site: 1 file').waitFor()
    await tabTo(page, 'Name')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('keys:1')
    await tabTo(page, 'Entrypoint')
    await page.keyboard.type('/app/run')
    await tabTo(page, 'Build the image')
    await page.keyboard.press('Enter')
    await page.locator('#check-verdict.good').waitFor()
    // The focus has moved to the new image: what comes next is its first button.
    expect(await focused(page)).toBe('keys:1')
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('Copy the digest')
    const downloading = page.waitForEvent('download')
    await tabTo(page, 'Save as a tar')
    await page.keyboard.press('Enter')
    expect((await downloading).suggestedFilename()).toBe('keys-1.oci.tar')
    await expect.poll(() => focused(page)).toBe('Save as a tar')
    await tabTo(page, 'Remove keys:1')
    await page.keyboard.press('Enter')
    await page.getByText('None yet.').waitFor()
    expect(await focused(page)).toBe('Images in this browser')
    await page.context().close()
  })

  it('shows where the focus is, on everything that takes it', async () => {
    const { page } = await openPage(browser, server.address)
    const seen = new Set<string>()
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab')
      const name = await focused(page)
      if (name === '' || seen.has(name)) break
      seen.add(name)
      const width = await page.evaluate(() =>
        Number.parseFloat(getComputedStyle(document.activeElement ?? document.body).outlineWidth),
      )
      expect(width, name).toBeGreaterThanOrEqual(2)
    }
    expect(seen.size).toBeGreaterThan(12)
    await page.context().close()
  })

  it('has a name for every control, and one order of headings', async () => {
    const { page } = await openPage(browser, server.address)
    await page.locator('#folder-input').setInputFiles(join(folder, 'site'))
    await build(page)
    await page.getByText('More: compression').click()
    const nodes = await accessibleNodes(page)
    const controls = nodes.filter(({ role }) => controlRoles.has(role))
    expect(controls.length).toBeGreaterThan(20)
    expect(controls.filter(({ name }) => name === '')).toEqual([])
    const regions = nodes.filter(({ role }) => role === 'region').map(({ name }) => name)
    expect(regions).toEqual(expect.arrayContaining(['app:1', 'Check', 'Files', 'Images in this browser']))
    const levels = await page.locator('h1:visible, h2:visible, h3:visible').evaluateAll(headings => {
      return headings.map(({ tagName }) => Number(tagName.slice(1)))
    })
    expect(levels[0]).toBe(1)
    levels.slice(1).forEach((level, i) => {
      expect(level - (levels[i] ?? 0)).toBeLessThanOrEqual(1)
      expect(level).toBeGreaterThan(1)
    })
    await page.context().close()
  })

  it('says each step aloud, and progress as a progress bar with a name', async () => {
    const { page } = await openPage(browser, server.address)
    await page.evaluate(recordAnnouncements)
    await page.evaluate(recordProgress)
    mkdirSync(join(folder, 'large'), { recursive: true })
    writeFileSync(join(folder, 'large', 'big.bin'), Buffer.alloc(20_000_000, 'some text to be read aloud\n'))
    await page.locator('#folder-input').setInputFiles(join(folder, 'large'))
    await build(page)
    const spoken: string[] = await page.evaluate(() => Reflect.get(window, 'spoken'))
    expect(spoken).toEqual(['Building app:1', expect.stringMatching(/^app:1 is ready, .+, digest sha256:/)])
    const progress: { names: string[]; figures: string[] } = await page.evaluate(() =>
      Reflect.get(window, 'progressSeen'),
    )
    expect(progress.names).toContain('Building app:1')
    expect(progress.figures.some(text => /^[\d.]+ MB of 20\.0 MB, [\d.]+ MB a second$/.test(text))).toBe(true)
    await page.context().close()
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`is readable in ${colorScheme}: every text has a contrast of 4.5 at least`, async () => {
      const { page } = await openPage(browser, server.address, { colorScheme })
      await page.getByRole('button', { name: 'Build the image' }).click()
      await page.getByText('Choose a folder or a tar first').waitFor()
      const before = await page.evaluate(weakTexts)
      await page.getByRole('button', { name: 'Build the sample' }).click()
      await page.locator('#check-verdict.good').waitFor()
      const after = await page.evaluate(weakTexts)
      expect(before.texts).toBeGreaterThan(20)
      expect(after.texts).toBeGreaterThan(50)
      expect([...before.weak, ...after.weak]).toEqual([])
      // The measure itself: a text that is too pale is found.
      await page
        .addStyleTag({ content: '.lead { color: #888 !important; background: #999 }' })
        .catch(() => {})
      await page.evaluate(() => {
        const lead = document.querySelector<HTMLElement>('.lead')
        lead?.style.setProperty('color', '#888')
        lead?.style.setProperty('background-color', '#999')
      })
      expect((await page.evaluate(weakTexts)).weak.length).toBe(1)
      await page.context().close()
    })
  }

  it('fits a screen of 320 pixels without scrolling sideways', async () => {
    const { page } = await openPage(browser, server.address, { viewport: { width: 320, height: 640 } })
    const overflow = (): Promise<number> =>
      page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(await overflow()).toBeLessThanOrEqual(0)
    await page.getByRole('button', { name: 'Build the sample' }).click()
    await page.locator('#check-verdict.good').waitFor()
    await page.getByText('More: compression').click()
    expect(await overflow()).toBeLessThanOrEqual(0)
    await page.context().close()
  })

  it('moves nothing for those who want no motion', async () => {
    const { page } = await openPage(browser, server.address, { reducedMotion: 'reduce' })
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter(element => {
          const { transitionDuration, animationName } = getComputedStyle(element)
          return transitionDuration !== '0s' || animationName !== 'none'
        }).length,
    )
    expect(moving).toBe(0)
    await page.context().close()
  })
})

const controlRoles: ReadonlySet<string> = new Set([
  'button',
  'textbox',
  'searchbox',
  'combobox',
  'spinbutton',
  'link',
  'progressbar',
  'DisclosureTriangle',
  'Date',
  'DateTime',
  'InputTime',
])

/** What a screen reader is told, by Chromium's own tree. */
async function accessibleNodes(page: Page): Promise<{ role: string; name: string }[]> {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send('Accessibility.getFullAXTree')
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name }) => ({ role: String(role?.value ?? ''), name: String(name?.value ?? '') }))
}

/** The name of what has the focus, as labels give it. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement
    if (!(element instanceof HTMLElement) || element === document.body) return ''
    const labels = 'labels' in element && element.labels instanceof NodeList ? [...element.labels] : []
    const name = element.getAttribute('aria-label') ?? labels[0]?.textContent ?? element.textContent ?? ''
    return name.replace(/\s+/g, ' ').trim()
  })
}

/** Presses Tab until the control of this name has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = []
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const found = await focused(page)
    if (typeof name === 'string' ? found === name : name.test(found)) return
    seen.push(found)
  }
  throw new Error(`Tab never came to ${name}, but to: ${seen.join(' | ')}`)
}

function recordAnnouncements(): void {
  const spoken: string[] = []
  Reflect.set(window, 'spoken', spoken)
  const status = document.getElementById('status')
  const record = (): unknown => spoken.push(status?.textContent ?? '')
  if (status !== null) new MutationObserver(record).observe(status, { childList: true })
}

function recordProgress(): void {
  const seen = { names: [''], figures: [''] }
  Reflect.set(window, 'progressSeen', seen)
  const figures = document.getElementById('work-figures')
  const record = (): void => {
    seen.figures.push(figures?.textContent ?? '')
    const label = document.getElementById('progress')?.getAttribute('aria-labelledby') ?? ''
    seen.names.push(document.getElementById(label)?.textContent ?? '')
  }
  if (figures !== null) new MutationObserver(record).observe(figures, { childList: true })
}

/** Every visible text whose contrast with what lies below it is under 4.5 (WCAG 2.2, 1.4.3), and how many there are. */
function weakTexts(): { texts: number; weak: string[] } {
  const channel = (value: number): number =>
    value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4
  const numbers = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = numbers(color)
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
  }
  const backgroundOf = (element: Element | null): string => {
    if (element === null) return 'rgb(255, 255, 255)'
    const { backgroundColor } = getComputedStyle(element)
    return numbers(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor
  }
  const weak: string[] = []
  let texts = 0
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent?.trim() ?? ''
    const element = walker.currentNode.parentElement
    if (text === '' || element?.checkVisibility() !== true || element.closest('option, noscript')) continue
    texts++
    const [low = 0, high = 0] = [getComputedStyle(element).color, backgroundOf(element)]
      .map(luminance)
      .sort((a, b) => a - b)
    const contrast = (high + 0.05) / (low + 0.05)
    if (contrast < 4.5) weak.push(`${contrast.toFixed(2)}: ${text.slice(0, 40)}`)
  }
  return { texts, weak }
}
