/** P20: the library works under strict policies in three engines, and needs nothing that they forbid. */

import { readFile, rm } from 'node:fs/promises'
import { json } from 'node:stream/consumers'
import { beforeAll, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { chromium } from '../engines/chromium.ts'
import type { Engine } from '../engines/engine.ts'
import { firefox } from '../engines/firefox.ts'
import { webkit } from '../engines/webkit.ts'
import { servePage } from '../setup/served-page.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith } from '../setup/tools.ts'
import { workFolder } from '../setup/work-folder.ts'
import { buildAndRead, type Hashed, type Outcome } from './image.ts'
import type { Told } from './page.ts'

/** The try whether WebAssembly is allowed, once in each context. WebKit refuses it and reports nothing. */
const wasm = 'script-src wasm-eval'
const reportsWasm: Readonly<Record<string, boolean>> = { Chromium: true, Firefox: true, WebKitGTK: false }

/** For each that was tried: the worker of OPFS, and one or two of the engine's, which are started together. */
const workerRefused = expect.stringMatching(/^worker-src .*\/worker-/)
const sinkRefused = 'require-trusted-types-for trusted-types-sink'

/** What is sent, as SECURITY.md has it, and what comes of it. */
const policies = {
  strict: {
    header: "default-src 'self'",
    hashing: 'javascript',
    worker: true,
    reports: [wasm, `in the service worker: ${wasm}`],
  },
  wasm: {
    header: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
    hashing: 'wasm',
    worker: true,
    reports: [],
  },
  'no-worker': {
    header: "default-src 'self'; worker-src 'none'",
    hashing: 'javascript',
    worker: false,
    reports: [wasm, workerRefused],
  },
  'trusted-types': {
    header: "default-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
    hashing: 'javascript',
    worker: false,
    reports: [wasm, sinkRefused, sinkRefused],
  },
  // The page gives `opfs` and `engine` workers that it has started by a policy of its own.
  host: {
    header: "default-src 'self'; require-trusted-types-for 'script'; trusted-types host",
    hashing: 'javascript',
    worker: true,
    reports: [wasm],
  },
}

let expected: Outcome
let formats: Omit<Hashed, 'hashing'>
beforeAll(async () => {
  const { hashing, zlib, zstd, ...outcome } = await buildAndRead(memory())
  expect(outcome).toMatchObject({ isSound: true, files: { packed: expect.any(String) } })
  expected = outcome
  formats = { zlib, zstd }
  expect(Object.values(formats).every(digest => digest.startsWith('sha256:'))).toBe(true)
})

/** What needs WebAssembly is refused without it, never written otherwise. */
const unsupported = { zlib: 'UNSUPPORTED', zstd: 'UNSUPPORTED' }

it('P20: the headers that are recommended are those that were tried', async () => {
  const text = await readFile(new URL('../../SECURITY.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `(default-src.*?)` +\| (\w+) +\| (yes|no|the page's own) +\|/gm)]
  const found = rows.map(([, header, hashing = '', worker]) => [
    header,
    hashing.toLowerCase(),
    worker !== 'no',
  ])
  const tried = Object.values(policies).map(({ header, hashing, worker }) => [
    header,
    hashing.replace('wasm', 'webassembly'),
    worker,
  ])
  expect(found).toEqual(tried)
})

for (const engine of [chromium, firefox, webkit]) {
  describeWith(engine.tools, engine.name, () => {
    let told: ReadonlyMap<string, Told>
    beforeAll(async () => {
      told = await runUnderAll(engine)
    }, 240_000)

    it.each(Object.entries(policies))('P20: works under %s', (name, { hashing, worker, reports }) => {
      const { outcomes, violations, ofEval, workers } = told.get(name) as Told
      expect(Object.keys(outcomes).length).toBe(name === 'strict' ? 3 : 2)
      for (const [medium, outcome] of Object.entries(outcomes)) {
        const written = hashing === 'wasm' ? formats : unsupported
        expect(outcome, medium).toEqual({ ...expected, ...written, hashing })
      }
      // That of OPFS, and one or two of the engine's; where it is told at once that none starts, one.
      expect(workers.started).toBeGreaterThanOrEqual(2)
      expect(workers.started).toBeLessThanOrEqual(name === 'trusted-types' ? 2 : 3)
      expect(workers.answered).toBe(worker ? workers.started : 0)
      const own = reports
        .filter(report => reportsWasm[engine.name] || !String(report).endsWith(wasm))
        .flatMap(report => (report === workerRefused ? Array(workers.started).fill(report) : report))
      expect(violations).toHaveLength(own.length)
      expect(violations).toEqual(expect.arrayContaining(own))
      // The same ear hears what the page does against its policy on purpose.
      expect(ofEval).toHaveLength(1)
    })

    it('P20: is lost where WebAssembly is the one way to hash', () => {
      const sound = new Tally(`P20: ${engine.name}, images under ${told.size} policies`)
      const broken = new Tally(`P20: ${engine.name}, WebAssembly alone (broken on purpose)`)
      for (const { outcomes, ofEval, wasmAlone } of told.values()) {
        sound.attempts += Object.keys(outcomes).length
        sound.fired += ofEval.length
        sound.losses += Object.values(outcomes).filter(each => typeof each === 'string').length
        broken.attempts++
        broken.fired += ofEval.length
        if (!wasmAlone) broken.losses++
      }
      expect(sound.report().losses).toBe(0)
      expect(broken.report().losses).toBe(told.size - 1)
    })
  })
}

/** Leads one browser through a page for each policy. */
async function runUnderAll(engine: Engine): Promise<ReadonlyMap<string, Told>> {
  const told = new Map<string, Told>()
  const names = Object.keys(policies)
  let finish = (): void => {}
  const finished = new Promise<void>(resolve => {
    finish = resolve
  })
  const served = await servePage(new URL('./page.ts', import.meta.url), {
    policies: Object.fromEntries(Object.entries(policies).map(([name, { header }]) => [name, header])),
    async onPost(request, response) {
      const one = (await json(request)) as Told
      told.set(one.policy, one)
      const next = names[names.indexOf(one.policy) + 1]
      response.end(JSON.stringify({ next: next === undefined ? null : `/${next}/` }))
      if (next === undefined) finish()
    },
  })
  const profile = await workFolder('ocidir-policies-')
  const running = await engine.start(`${served.origin}/${names[0]}/`, profile)
  try {
    const failed = running.ended?.then(said => Promise.reject(new Error(`${engine.name} ended: ${said}`)))
    await Promise.race([finished, ...(failed ? [failed] : [])])
    return told
  } finally {
    await running.close()
    await served.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
