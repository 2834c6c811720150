// @ts-check
// A tab of Chromium, its page built as an application's would be, and what its memory holds.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import puppeteer from 'puppeteer-core'
import { build, preview } from 'vite'
import { findTool } from '../scripts/provision.mjs'
import { Missing, peakOf } from './measure.mjs'

const top = fileURLToPath(new URL('..', import.meta.url))

/**
 * Opens a tab, in a browser and a profile of its own, for as long as it is used.
 * @template T
 * @param {string} work
 * @param {(tab: Tab) => Promise<T>} use
 */
export async function withTab(work, use) {
  const server = await served(work)
  const browser = await puppeteer.launch({
    executablePath: findTool('chromium') ?? 'chromium is missing',
    userDataDir: mkdtempSync(join(work, 'profile-')),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    protocolTimeout: 0,
  })
  try {
    const page = await browser.newPage()
    await page.goto(`${server.resolvedUrls?.local[0]}bench/page.html`)
    await page.waitForFunction(() => globalThis.bench !== undefined)
    return await use(new Tab(page))
  } finally {
    await browser.close()
    await server.close()
  }
}

/** A page that builds and checks. */
export class Tab {
  /** For what is asked of the page itself. */
  page

  /** @param {import('puppeteer-core').Page} page */
  constructor(page) {
    this.page = page
  }

  /**
   * The tar of the builds that follow.
   * @param {string} path
   */
  async give(path) {
    const input = await this.page.$('input')
    await /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (input).uploadFile(path)
  }

  /**
   * Builds a layer of the given tar; of so many bytes, with the tar again and again.
   * @param {import('./codec.mjs').Build} how
   * @param {number} [bytes]
   */
  async build(how, bytes) {
    const { result, peak } = await this.#withPeak(() =>
      this.page.evaluate((given, size) => globalThis.bench.build(given, size), how, bytes),
    )
    if ('missing' in result) throw new Missing(result.missing)
    return { ...result, peak }
  }

  /** Checks the layout that the page was filled with. */
  async check() {
    const { result, peak } = await this.#withPeak(() => this.page.evaluate(() => globalThis.bench.check()))
    if (!result.ok) throw new Error('the layout in the tab is not sound')
    return { ...result, peak }
  }

  /**
   * What a use of the tab holds at the most, in bytes of JavaScript and WebAssembly: used heap, array buffers and
   * WebAssembly memories, of the page and of all its workers, sampled every 20 ms between their tasks. That counts
   * garbage; `collect` lets each sample clear it away first, which takes its time.
   * @template T
   * @param {() => Promise<T>} use
   * @param {{ collect?: boolean }} [options]
   */
  async withHeap(use, { collect = false } = {}) {
    const isolates = await Isolates.of(this.page)
    let heap = 0
    let samples = 0
    let isOver = false
    const sampled = (async () => {
      while (!isOver) {
        heap = Math.max(heap, await isolates.bytes(collect))
        samples++
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    })()
    try {
      const result = await use()
      return { result, heap, samples }
    } finally {
      isOver = true
      await sampled
    }
  }

  /**
   * With the most that the tab's process held while it was used.
   * @template T
   * @param {() => Promise<T>} use
   */
  async #withPeak(use) {
    const session = await this.page.browser().target().createCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
    for (const pid of renderers) forgetPeak(pid)
    const result = await use()
    await session.detach()
    return { result, peak: Math.max(...renderers.map(peakOf)) }
  }
}

/** The isolates of a page: its own and its workers', also those of workers. */
class Isolates {
  /**
   * With how often each was asked, and the size of its WebAssembly memories when it was last asked for that.
   * @type {Map<import('puppeteer-core').CDPSession, { asked: number, wasm: number }>}
   */
  #sessions = new Map()

  /** @param {import('puppeteer-core').Page} page */
  static async of(page) {
    const isolates = new Isolates()
    await isolates.#watch(await page.createCDPSession())
    return isolates
  }

  /** @param {boolean} collect */
  async bytes(collect) {
    const each = [...this.#sessions].map(async ([session, known]) => {
      try {
        if (collect) await session.send('HeapProfiler.collectGarbage')
        const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage')
        // Each question that is a script leaves garbage behind, which would be counted, too.
        if (known.asked++ % 25 === 0) {
          const expression = 'globalThis.wasmBytes?.() ?? 0'
          known.wasm = (await session.send('Runtime.evaluate', { expression })).result.value
        }
        return usedSize + backingStorageSize + known.wasm
      } catch {
        // A worker that has ended meanwhile.
        return 0
      }
    })
    return (await Promise.all(each)).reduce((sum, bytes) => sum + bytes, 0)
  }

  /** @param {import('puppeteer-core').CDPSession} session */
  async #watch(session) {
    this.#sessions.set(session, { asked: 0, wasm: 0 })
    session.on('Target.attachedToTarget', ({ sessionId }) => {
      const child = session.connection()?.session(sessionId)
      // It may have ended already.
      if (child) this.#watch(child).catch(() => {})
      child?.once('CDPSession.Disconnected', () => this.#sessions.delete(child))
    })
    await session.send('Target.setAutoAttach', {
      autoAttach: true,
      flatten: true,
      waitForDebuggerOnStart: false,
    })
  }
}

/** @type {Promise<string> | undefined} */
let built

/** @param {string} work */
async function served(work) {
  built ??= builtPage(join(work, 'page'))
  const outDir = await built
  return preview({
    configFile: false,
    logLevel: 'error',
    root: top,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  })
}

/** @param {string} outDir */
async function builtPage(outDir) {
  const output = { banner: `${readFileSync(join(top, 'bench/wasm-memory.js'), 'utf8').trim()};` }
  await build({
    root: top,
    configFile: join(top, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir, rolldownOptions: { input: join(top, 'bench/page.html'), output } },
    worker: { format: 'es', rolldownOptions: { output } },
  })
  return outDir
}

/** Lets the kernel's high-water mark of a process begin again. @param {number} pid */
function forgetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Not Linux, or not ours: the peak is then that since the start.
  }
}
