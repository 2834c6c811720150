/** The page as `npm start` serves it, driven in a real Chromium. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright'
import { expect } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { tool } from '../setup/tools.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))

/** `npm start`, running. */
export interface Started {
  readonly address: string
  /** All that it has printed. */
  readonly output: string
  stop(): Promise<void>
}

/** Runs `npm start` until it prints its address. Rejects with what it said when it ends before. */
export async function start(args: readonly string[] = []): Promise<Started> {
  const { VITEST: _, ...env } = process.env
  const child = spawn(process.execPath, ['scripts/start.mjs', '--no-open', ...args], { cwd: top, env })
  const ended = once(child, 'exit')
  const { address, output } = await addressOf(child)
  return {
    address,
    output,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Chromium, as every test has it. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: tool('chromium'), args: [...browserArgs] })
}

/** A page in a profile of its own, ready for use, and what its console has complained of. */
export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions & { readonly pickers?: boolean } = {},
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const { pickers = false, ...rest } = options
  const context = await browser.newContext(rest)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  // Nobody can press a button in a native dialog: without pickers the page falls back, as in Firefox.
  if (!pickers) await page.addInitScript(withoutPickers)
  await page.goto(address)
  await page.getByText('None yet.').waitFor()
  return { page, complaints }
}

/** Fills the fields of the form by their labels; those under "More" are opened first. */
export async function fill(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  await page.getByText('More: compression').click()
  for (const [label, value] of Object.entries(fields)) {
    const field = page.getByLabel(label, { exact: true })
    if (label === 'Compression') await field.selectOption(value)
    else await field.fill(value)
  }
}

/** Builds what was chosen and gives the digest that the page shows, with its check passed. */
export async function build(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Build the image' }).click()
  await page.locator('#check-verdict.good').waitFor({ timeout: 60_000 })
  return shownDigest(page)
}

/** The digest of the image on show. */
export async function shownDigest(page: Page): Promise<string> {
  const digest = await page.locator('#facts code').first().textContent()
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  return digest ?? ''
}

/** Runs the command line that the page shows, in a folder, and gives the digest that it prints. */
export async function runShownCommand(page: Page, folder: string): Promise<string> {
  const line = (await page.locator('#command').textContent()) ?? ''
  expect(line).toContain(' ocidir build ')
  // A function would not see the variable before it in every shell; a path does.
  const script = line.replace(' ocidir build ', ` "${process.execPath}" "${top}/dist/node/ocidir.js" build `)
  return execFileSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' }).trim()
}

/** Runs the built command and gives what it prints. */
export function ocidir(...args: readonly string[]): string {
  return execFileSync(process.execPath, [`${top}/dist/node/ocidir.js`, ...args], { encoding: 'utf8' })
}

/** Every file of the page's own storage, staged ones among them. */
export function storedPaths(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const paths: string[] = []
    const list = async (folder: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
      for await (const [name, handle] of folder.entries()) {
        if (handle instanceof FileSystemDirectoryHandle) await list(handle, `${prefix}${name}/`)
        else paths.push(`${prefix}${name}`)
      }
    }
    await list(await navigator.storage.getDirectory(), '')
    return paths.sort()
  })
}

function withoutPickers(): void {
  for (const name of ['showDirectoryPicker', 'showSaveFilePicker']) {
    Object.defineProperty(window, name, { value: undefined })
  }
}

function addressOf(child: ChildProcess): Promise<{ address: string; output: string }> {
  let output = ''
  return new Promise((resolve, reject) => {
    const onChunk = (chunk: Buffer): void => {
      output += chunk.toString()
      const address = /the page: (http:\S+)/.exec(output)?.[1]
      if (address !== undefined) resolve({ address, output })
    }
    child.stdout?.on('data', onChunk)
    child.stderr?.on('data', onChunk)
    child.once('exit', code => reject(new Error(`npm start ended with ${code} before it served:\n${output}`)))
  })
}
