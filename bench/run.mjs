// npm run build && node bench/run.mjs [--quick]: the tables of bench/README.md, every pair measured in this one run.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { createServer } from 'vite'
import { median, mib, pair, peakOf, run, table } from './measure.mjs'
import { tagsTable } from './tags.mjs'

const quick = process.argv.includes('--quick')
const top = fileURLToPath(new URL('..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'ocidir-bench-'))
const runs = quick ? 1 : 5
const scale = quick ? 16 : 1
const MiB = 2 ** 20

try {
  console.log(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim()})\n`)
  console.log(`${await gzipTable()}\n`)
  console.log(`${await fsckTable()}\n`)
  console.log(`${await tagsTable(work, { runs, count: quick ? 100 : 10_000 })}\n`)
  console.log(`${await storeTable()}\n`)
  console.log(await memoryTable())
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** A tar of real files that every checkout has: its packages, and Node itself. */
function realTar() {
  const tar = join(work, 'real.tar')
  const packages = [
    'node_modules/typescript',
    'node_modules/@typescript',
    'node_modules/vite',
    'node_modules/playwright-core',
  ]
  const present = packages.filter(path => statSync(join(top, path), { throwIfNoEntry: false }))
  execFileSync('tar', [
    '-cf',
    tar,
    '-C',
    top,
    ...present,
    ...(quick ? [] : ['-C', '/', process.execPath.slice(1)]),
  ])
  return tar
}

async function gzipTable() {
  const tar = realTar()
  const size = statSync(tar).size
  const rows = [
    [
      'gzip layer, level',
      'ocidir MB/s',
      'gzip MB/s',
      'ratio',
      'ocidir bytes / gzip bytes',
      'ocidir peak MiB',
      'gzip peak MiB',
    ],
  ]
  for (const level of [1, 6]) {
    const zipped = join(work, 'gzip.gz')
    let own = 0
    const { a, b, ratio } = await pair(
      async () => {
        const layout = mkdtempSync(join(work, 'layer-'))
        const result = await run(process.execPath, [join(top, 'bench/layer.mjs'), layout, tar, String(level)])
        own = JSON.parse(result.output).size
        rmSync(layout, { recursive: true })
        return result
      },
      () => run('sh', ['-c', `exec gzip -n -${level} -c ${tar} > ${zipped}`]),
      runs,
    )
    const rate = ({ seconds }) => (size / 1e6 / seconds).toFixed(1)
    rows.push([
      `${level} (${mib(size)} MiB of real files)`,
      rate(a),
      rate(b),
      ratio.toFixed(2),
      (own / statSync(zipped).size).toFixed(3),
      mib(a.peak),
      mib(b.peak),
    ])
  }
  return table(rows)
}

async function fsckTable() {
  const rows = [['fsck', 'ocidir MB/s', 'sha256sum MB/s', 'ratio', 'ocidir peak MiB']]
  for (const [count, size] of [
    [32, (8 * MiB) / scale],
    [1, (1024 * MiB) / scale],
  ]) {
    const sizes = Array(count).fill(size)
    const name = `${count} × ${mib(size)} MiB`
    const layout = mkdtempSync(join(work, 'fsck-'))
    await run(process.execPath, [join(top, 'bench/fill.mjs'), layout, ...sizes.map(String)])
    const blobs = join(layout, 'blobs/sha256')
    const bytes = readdirSync(blobs).reduce((sum, blob) => sum + statSync(join(blobs, blob)).size, 0)
    const hash = () => run('sh', ['-c', `exec sha256sum ${blobs}/*`])
    const rate = seconds => (bytes / 1e6 / seconds).toFixed(0)
    const node = await pair(
      () => run(process.execPath, [join(top, 'dist/bin/ocidir.js'), 'fsck', layout]),
      hash,
      runs,
    )
    rows.push([
      `Node, ${name}`,
      rate(node.a.seconds),
      rate(node.b.seconds),
      node.ratio.toFixed(2),
      mib(node.a.peak),
    ])
    const tab = await inTab(sizes, hash)
    rows.push([
      `Chromium, ${name}`,
      rate(tab.seconds),
      rate(tab.peer),
      (tab.peer / tab.seconds).toFixed(2),
      mib(tab.peak),
    ])
    rmSync(layout, { recursive: true })
  }
  return table(rows)
}

function inTab(sizes, hash) {
  return withTab(async (page, context) => {
    await page.evaluate(list => globalThis.bench.fill(list), sizes)
    const seconds = []
    const peers = []
    for (let i = 0; i <= runs; i++) {
      const checked = await page.evaluate(() => globalThis.bench.check())
      if (!checked.ok) throw new Error('the layout in the tab is not sound')
      const peer = await hash()
      if (i > 0) seconds.push(checked.seconds)
      if (i > 0) peers.push(peer.seconds)
    }
    return { seconds: median(seconds), peer: median(peers), peak: await peakOfRenderers(context) }
  })
}

async function storeTable() {
  const rows = [['stored in OPFS from a page', 'worker, s', 'createWritable, s', 'ratio']]
  await withTab(async page => {
    for (const [count, size] of [
      [1, (256 * MiB) / scale],
      [500 / (quick ? 10 : 1), 1000],
    ]) {
      const timed = by => ({
        run: () => page.evaluate(([files, way]) => globalThis.bench.store(files, way), [{ count, size }, by]),
        seconds: [],
      })
      const ways = [timed('worker'), timed('createWritable')]
      for (let i = 0; i <= runs; i++) {
        for (const { run: store, seconds } of ways) {
          const took = await store()
          if (i > 0) seconds.push(took)
        }
      }
      const [worker, stream] = ways.map(({ seconds }) => median(seconds))
      const name = size < MiB ? `${count} × ${size} bytes` : `${count} × ${mib(size)} MiB`
      rows.push([name, worker.toFixed(2), stream.toFixed(2), (stream / worker).toFixed(2)])
    }
  })
  return table(rows)
}

async function withTab(use) {
  const server = await createServer({
    root: top,
    configFile: join(top, 'vite.config.ts'),
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0 },
  })
  await server.listen()
  const profile = mkdtempSync(join(work, 'profile-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  try {
    const page = await context.newPage()
    const { port } = server.httpServer.address()
    await page.goto(`http://127.0.0.1:${port}/bench/page.html`)
    await page.waitForFunction(() => globalThis.bench !== undefined)
    return await use(page, context)
  } finally {
    await context.close()
    await server.close()
  }
}

async function peakOfRenderers(context) {
  const session = await context.browser()?.newBrowserCDPSession()
  if (!session) return 0
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => peakOf(id)))
}

async function memoryTable() {
  const rows = [['gzip -6 layer built in Node', 'seconds', 'peak MiB']]
  for (const size of [64, 256, 1024]) {
    const layout = mkdtempSync(join(work, 'memory-'))
    const bytes = (size * MiB) / scale
    const { seconds, peak } = await run(process.execPath, [
      join(top, 'bench/layer.mjs'),
      layout,
      `made:${bytes}`,
      '6',
    ])
    rows.push([`${mib(bytes)} MiB`, seconds.toFixed(1), mib(peak)])
    rmSync(layout, { recursive: true })
  }
  return table(rows)
}
