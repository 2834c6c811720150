/** A writer or a reader of tags, as a process or as a thread of one, told by its last argument what to do. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort } from 'node:worker_threads'
import { folder } from '../../adapters/node/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { OthersBetween } from './others-between.ts'

/** What one writer or reader does. */
export type UpdatesJob =
  /** Gives the first image of each layout its tags, one update each; unlocked: as a program that knows no lock. */
  | {
      readonly do: 'tag'
      readonly dirs: readonly string[]
      readonly tags: readonly string[]
      readonly locked: boolean
    }
  /** Reads all tags of the layout that is written to; a tag that goes again, or an index that is torn, is a loss. */
  | { readonly do: 'read'; readonly dirs: readonly string[] }

const job: UpdatesJob = JSON.parse(process.argv.at(-1) ?? '')

/** How many layouts the parent has given free, one after the other, so that all work on the same one. */
let free = 0
let isEnough = false
let changed = (): void => {}
const said = (line: string): void => {
  if (isMainThread) process.stdout.write(`${line}\n`)
  else parentPort?.postMessage(line)
}
if (isMainThread) {
  process.stdin
    .setEncoding('utf8')
    .on('data', goOn)
    .on('end', () => {
      isEnough = true
      changed()
    })
} else parentPort?.on('message', () => goOn('go\n'))
said('ready')
const deed = job.do === 'tag' ? tagAll(job) : readAll(job.dirs)
deed.then(
  () => finish('done', 0),
  error => finish(`failed ${error?.stack}`, 1),
)

function goOn(words: string | Buffer): void {
  free += String(words).split('\n').length - 1
  changed()
}

async function isFree(layouts: number): Promise<void> {
  while (free < layouts && !isEnough) {
    await new Promise<void>(resolve => {
      changed = resolve
    })
  }
}

function finish(line: string, code: number): void {
  said(line)
  if (isMainThread) process.exit(code)
  else parentPort?.close()
}

async function tagAll({ dirs, tags, locked }: Extract<UpdatesJob, { do: 'tag' }>): Promise<void> {
  let between = 0
  for (const [i, path] of dirs.entries()) {
    const others = new OthersBetween()
    const dir = await OciDir.open(others.watched(folder(path, { durability: 'relaxed' })))
    const [first] = (await dir.readIndex()).value.manifests
    if (first === undefined) throw new Error(`no image in ${path}`)
    await isFree(i + 1)
    for (const tag of tags) {
      if (locked) await dir.tag(first.digest, tag)
      else await tagUnlocked(path, tag, others)
    }
    await dir.storage.close()
    between += others.times
    said(`tagged ${i}`)
  }
  said(`between ${between}`)
}

async function tagUnlocked(path: string, tag: string, others: OthersBetween): Promise<void> {
  const now = readFileSync(join(path, 'index.json'), 'utf8')
  const index = JSON.parse(now)
  const annotations = { 'org.opencontainers.image.ref.name': tag }
  index.manifests.push({ ...index.manifests[0], annotations })
  await new Promise(resolve => setTimeout(resolve, 1))
  const next = join(path, `next-${tag}`)
  writeFileSync(next, JSON.stringify(index))
  others.saw(now, JSON.stringify(index))
  renameSync(next, join(path, 'index.json'))
}

async function readAll(dirs: readonly string[]): Promise<void> {
  let [reads, grown, torn] = [0, 0, 0]
  for (const [i, path] of dirs.entries()) {
    await isFree(i + 1)
    const dir = await OciDir.open(folder(path))
    for (let before = 0; free === i + 1 && !isEnough; ) {
      const found = await dir.tags().catch(error => error)
      reads++
      if (!Array.isArray(found) || found.length < before) torn++
      else {
        if (before > 0 && found.length > before) grown++
        before = found.length
      }
      // Lines of the parent come only between turns of the loop of events.
      if (reads % 20 === 0) await new Promise(resolve => setTimeout(resolve, 0))
    }
    await dir.storage.close()
  }
  said(`reads ${reads}`)
  said(`grown ${grown}`)
  said(`torn ${torn}`)
}
