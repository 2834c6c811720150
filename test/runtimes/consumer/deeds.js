// What a user's script does with the installed package, in whatever runtime: `deeds.js DEED FOLDER …` prints JSON.
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { configure, draft, engine, fsck, OciDir, pushLayer } from 'ocidir'
import { files } from 'ocidir/files'
import { gzip } from 'ocidir/gzip'
import { memory } from 'ocidir/memory'
import { folder } from 'ocidir/node'
import { entriesOf } from 'ocidir/tar'
import { layerSuite, layoutSuite, storageSuite } from 'ocidir/testing'
import { zstd } from 'ocidir/zstd'

const suites = { storage: storageSuite, layout: layoutSuite, layers: layerSuite }
const deeds = { build, digestsByWorkers, addTags, addTagsUnlocked, dieHolding, suite }
const [deed, ...args] = process.argv.slice(2)
process.stdout.write(JSON.stringify((await deeds[deed](...args)) ?? null))

/** Builds one image in memory and one in a folder, and looks at them. */
async function build(work) {
  const results = []
  for (const storage of [memory(), folder(join(work, 'built'))]) results.push(await buildIn(storage))
  return results
}

/** One layer by every canonical codec and by so many threads: its digests, and how many threads were at it. */
async function digestsByWorkers(work, workers) {
  const own = engine({ workers: Number(workers) })
  const dir = await OciDir.ensure(folder(join(work, `by-${workers}`)), { engine: own })
  const codecs = {
    'fflate 6': gzip({ level: 6 }),
    'zlib 6': gzip({ level: 6, deflate: 'zlib' }),
    'zstd 3': zstd({ level: 3 }),
  }
  const input = new TextEncoder().encode('ein Wort, noch eines; '.repeat(400_000))
  for (let i = 0; i < input.length; i += 97) input[i] = i % 251
  const digests = {}
  for (const [name, codec] of Object.entries(codecs))
    digests[name] = (await dir.writeLayer(input, { codec })).descriptor.digest
  return { digests, started: own.pool.started }
}

async function buildIn(storage) {
  const dir = await OciDir.ensure(storage)
  const chosen = [new File(['#!/bin/sh\necho hello\n'], 'run'), new File(['ü'.repeat(400_000)], 'text')]
  const layer = await dir.writeLayer(entriesOf(chosen, { prefix: 'app/', mtime: 0 }), {
    codec: gzip({ level: 6 }),
  })
  const image = configure(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer), {
    Cmd: ['/app/run'],
  })
  const { descriptor } = await dir.writeImage(image, { tag: 'app:1' })
  await dir.tag('app:1', 'app:2')
  await dir.untag('app:1')
  const { ok, findings } = await fsck(storage)
  const tree = await files(await dir.openImage('app:2'))
  const run = await new Response(tree.stream('app/run')).text()
  const tags = await dir.tags()
  await storage.close()
  return { digest: descriptor.digest, ok, findings: findings.length, tags: tags.map(({ tag }) => tag), run }
}

/** Tags the image of `build`, eight names in turn; says how long it took, and how often others came between. */
async function addTags(work, writer, writers = 1) {
  const storage = folder(join(work, 'built'))
  const others = othersBetween()
  const update = storage.update.bind(storage)
  storage.update = async (path, edit, options) => {
    // An edit may run again; the last run is the one that counts.
    let last
    const watched = now => {
      const next = edit(now)
      last = [now, next ?? now].map(bytes => new TextDecoder().decode(bytes))
      return next
    }
    await update(path, watched, options)
    if (last) others.saw(...last)
  }
  const dir = await OciDir.open(storage)
  const names = Array.from({ length: 8 }, (_, i) => `${writer}-${i}`)
  await allReady(work, writer, writers)
  const began = performance.now()
  for (const name of names) {
    await dir.tag('app:2', name)
    // Else one takes the lock again before any other has looked.
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return { milliseconds: performance.now() - began, between: others.times }
}

/** Resolves when so many writers have come so far: runtimes don't start equally fast, and would never meet. */
async function allReady(work, writer, writers) {
  await writeFile(join(work, `ready-${writer}`), '')
  const ready = async () => (await readdir(work)).filter(name => name.startsWith('ready-')).length
  while ((await ready()) < writers) await new Promise(resolve => setTimeout(resolve, 2))
}

/** Counts how often one writer finds something else than what it left. */
function othersBetween() {
  let left
  return {
    times: 0,
    saw(now, next) {
      if (left !== undefined && now !== left) this.times++
      left = next
    },
  }
}

/** The same as one does it who knows of no lock: broken on purpose. */
async function addTagsUnlocked(work, writer, writers = 1) {
  const path = join(work, 'built', 'index.json')
  const others = othersBetween()
  await allReady(work, writer, writers)
  for (let i = 0; i < 8; i++) {
    const now = await readFile(path, 'utf8')
    const index = JSON.parse(now)
    const [entry] = index.manifests
    const annotations = { 'org.opencontainers.image.ref.name': `${writer}-${i}` }
    index.manifests.push({ ...entry, annotations })
    await new Promise(resolve => setTimeout(resolve, 10))
    // Whole or not at all, so that only updates are lost.
    await writeFile(`${path}-${writer}`, JSON.stringify(index))
    await rename(`${path}-${writer}`, path)
    others.saw(now, JSON.stringify(index))
  }
  return { between: others.times }
}

/** Is killed in the middle of an update, with the lock in its hand. */
async function dieHolding(work) {
  await folder(join(work, 'built')).update('index.json', () => process.kill(process.pid, 'SIGKILL'))
}

/** A suite as the package ships it, in memory and in a folder, in a runner of a few lines. */
async function suite(work, name) {
  const onDisk = async () => {
    const place = await mkdtemp(join(work, 'place-'))
    return { open: () => folder(join(place, 'layout')), remove: () => rm(place, { recursive: true }) }
  }
  const inMemory = () => ({ open: () => memory() })
  // Layers take their time, and memory is the same everywhere.
  const media = { ...(name !== 'layers' && { memory: inMemory }), folder: onDisk }
  const results = {}
  for (const [medium, factory] of Object.entries(media))
    results[medium] = await runSuite(suites[name], factory)
  return results
}

/** Runs every case; what a trait leaves out is named with the trait. */
async function runSuite(register, factory) {
  const began = performance.now()
  const cases = []
  const leftOut = []
  const it = Object.assign((name, run) => cases.push({ name, run }), { skip: name => leftOut.push(name) })
  await register({ test: { describe: (_, body) => body(), it }, factory })
  const failed = []
  for (const { name, run } of cases) await run().catch(error => failed.push(`${name}: ${error}`))
  const seconds = Math.round((performance.now() - began) / 100) / 10
  return {
    cases: cases.length + leftOut.length,
    passed: cases.length - failed.length,
    failed,
    leftOut,
    seconds,
  }
}
