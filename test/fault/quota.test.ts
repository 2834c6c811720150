/** What a layout is after an operation that met the end of the quota, and that it works again when there is room (P10). */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { browserArgs } from '../setup/browser.ts'
import { rounds } from '../setup/rounds.ts'
import { type ServedPage, servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, tool } from '../setup/tools.ts'
import { workFolder } from '../setup/work-folder.ts'
import { type Attempt, type Operation, operations, type QuotaMedium } from './quota-page.ts'

// Chromium's database goes by the room it has once seen, until two seconds after its last connection.
const forgets = 2_500
const inOpfs = rounds({ short: 4, long: 100 })
const inDatabase = rounds({ short: 2, long: 100 })
const lanes = 6
/** Of the quotas, all of which are below what is needed. */
const leastFull = 0.8
const each = Object.keys(operations) as readonly Operation[]

describeWith(['chromium'], 'an operation that meets the end of the quota', () => {
  let work: string
  let served: ServedPage
  let browser: BrowserContext
  let names = 0

  beforeAll(async () => {
    work = await workFolder('ocidir-quota-')
    served = await servePage(new URL('./quota-page.ts', import.meta.url))
    browser = await chromium.launchPersistentContext(join(work, 'profile'), {
      executablePath: tool('chromium'),
      args: [...browserArgs],
    })
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await served?.close()
    await rm(work, { recursive: true, force: true, maxRetries: 5 })
  })

  it.each(each)('P10: in OPFS: %s', { timeout: 30_000 + inOpfs * 6_000 }, async operation => {
    const tab = await newTab()
    const tally = new Tally(`P10: OPFS by createWritable at ${inOpfs} quotas: ${operation}`)
    for (let i = 0; i < inOpfs; i++)
      count(tally, await inFolder(tab, 'opfs', { operation, room: roomOf(operation, i, inOpfs) }))
    await tab.page.close()
    expect(tally.report().losses).toBe(0)
    expect(tally.fired).toBeGreaterThanOrEqual(leastFull * inOpfs)
  })

  it('P10: in OPFS: a blob straight under its name', async () => {
    const tab = await newTab()
    const tally = new Tally('P10: OPFS at 3 quotas: a blob straight under its name (broken on purpose)')
    for (let i = 0; i < 3; i++) {
      const { outcome, wrong } = await inFolder(tab, 'straight', {
        operation: 'blob',
        room: roomOf('blob', i, 3),
      })
      tally.attempts++
      if (outcome.startsWith('QuotaExceededError')) tally.fired++
      if (wrong.length > 0) tally.losses++
    }
    await tab.page.close()
    expect(tally.report().losses).toBe(3)
  })

  it('P10: in IndexedDB: each', { timeout: 60_000 + inDatabase * 20_000 }, async () => {
    const tallies = new Map(
      each.map(operation => [operation, new Tally(`P10: IndexedDB at ${inDatabase} quotas: ${operation}`)]),
    )
    const due = each.flatMap(operation =>
      Array.from({ length: inDatabase }, (_, i) => ({ operation, room: roomOf(operation, i, inDatabase) })),
    )
    // Most of the time is spent waiting for Chromium to forget.
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        const tab = await newTab()
        for (let next = due.pop(); next !== undefined; next = due.pop()) {
          const tally = tallies.get(next.operation)
          const attempt = await inOrigin(tab, next)
          if (tally) count(tally, attempt)
        }
        await tab.page.close()
      }),
    )
    for (const tally of tallies.values()) tally.report()
    expect([...tallies.values()].map(({ losses }) => losses)).toEqual(each.map(() => 0))
    const few = [...tallies.values()].filter(({ fired }) => fired < leastFull * inDatabase)
    expect(few.map(({ name, fired }) => `${name}: ${fired}`)).toEqual([])
  })

  interface Tab {
    readonly page: Page
    readonly session: CDPSession
  }

  interface Try {
    readonly operation: Operation
    readonly room: number
  }

  async function newTab(): Promise<Tab> {
    const page = await browser.newPage()
    return { page, session: await browser.newCDPSession(page) }
  }

  async function inFolder(tab: Tab, medium: QuotaMedium, { operation, room }: Try): Promise<Attempt> {
    const origin = served.origin
    const name = `quota-${names++}`
    await visit(tab, origin)
    const { before, usage } = await tab.page.evaluate(([on, at]) => quota.prepare(on, at), [
      medium,
      name,
    ] as const)
    await tab.session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + room })
    const asked = [medium, name, operation] as const
    const attempt = await tab.page.evaluate(([on, at, what]) => quota.attempt(on, at, what), asked)
    await tab.session.send('Storage.overrideQuotaForOrigin', { origin })
    const more = medium === 'straight' || attempt.outcome === 'done' ? [] : await again(tab, asked)
    await tab.page.evaluate(at => quota.remove(at), name)
    return { ...attempt, wrong: [...attempt.wrong, ...more, ...leftOf(before, attempt)] }
  }

  async function inOrigin(tab: Tab, { operation, room }: Try): Promise<Attempt> {
    const name = `quota-${names++}`
    const origin = served.origin.replace('127.0.0.1', `${name}.localhost`)
    await visit(tab, origin)
    const { before, usage } = await tab.page.evaluate(at => quota.prepare('indexeddb', at), name)
    await forgotten(tab)
    await tab.session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + room })
    await visit(tab, origin)
    const asked = ['indexeddb', name, operation] as const
    const attempt = await tab.page.evaluate(([on, at, what]) => quota.attempt(on, at, what), asked)
    await forgotten(tab)
    await tab.session.send('Storage.overrideQuotaForOrigin', { origin })
    await visit(tab, origin)
    const more = attempt.outcome === 'done' ? [] : await again(tab, asked)
    await tab.session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' })
    return { ...attempt, wrong: [...attempt.wrong, ...more, ...leftOf(before, attempt)] }
  }

  function again(
    { page }: Tab,
    asked: readonly [QuotaMedium, string, Operation],
  ): Promise<readonly string[]> {
    return page.evaluate(([on, at, what]) => quota.again(on, at, what), asked)
  }

  async function visit({ page }: Tab, origin: string): Promise<void> {
    if (page.url().startsWith(origin)) return
    await page.goto(origin)
    await page.waitForFunction(() => 'quota' in globalThis)
  }

  async function forgotten({ page }: Tab): Promise<void> {
    await page.goto('about:blank')
    await wait(forgets)
  }
})

function roomOf(operation: Operation, i: number, count: number): number {
  return Math.round(((i + 0.5) * operations[operation]) / count)
}

/** A usage that is more than one per cent above what it was before, gc having taken what nothing names. */
function leftOf(before: number, { outcome, usage }: Attempt): readonly string[] {
  if (outcome === 'done') return []
  return usage - before > before / 100 ? [`usage ${usage} after, ${before} before`] : []
}

function count(tally: Tally, attempt: Attempt): void {
  const isFull = attempt.outcome === 'STORAGE_FULL' && attempt.cause === 'QuotaExceededError'
  tally.attempts++
  if (isFull) tally.fired++
  if (attempt.wrong.length === 0 && (isFull || attempt.outcome === 'done')) return
  tally.losses++
  console.log(tally.name, attempt)
}
