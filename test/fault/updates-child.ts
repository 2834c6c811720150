/** A writer or a reader of tags, as a process or as a thread of one, told by its last argument what to do. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort } from 'node:worker_threads'
import { folder } from '../../adapters/node/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { OthersBetween } from './others-between.ts'

/** What one writer or reader does. */
export type UpdatesJob =
  /** Gives the first image of each layout every tag, one update each; unlocked: as a program that knows no lock. */
  | {
      readonly do: 'tag'
      readonly dirs: readonly string[]
      readonly tags: readonly string[]
      readonly locked: boolean
    }
  /** Reads all tags, layout by layout, until it is ended; a tag that goes again, or an index that is torn, is a loss. */
  | { readonly do: 'read'; readonly dirs: readonly string[] }

const job: UpdatesJob = JSON.parse(process.argv.at(-1) ?? '')
let isEnough = false
const said = (line: string): void => {
  if (isMainThread) process.stdout.write(`${line}\n`)
  else parentPort?.postMessage(line)
}
process.stdin.on('end', () => {
  isEnough = true
})
if (isMainThread) {
  said('ready')
  process.stdin.once('data', run)
} else run()

function run(): void {
  const deed = job.do === 'tag' ? tagAll(job) : readAll(job.dirs)
  deed.then(
    () => finish('done', 0),
    error => finish(`failed ${error?.stack}`, 1),
  )
}

function finish(line: string, code: number): void {
  said(line)
  if (isMainThread) process.exit(code)
}

async function tagAll({ dirs, tags, locked }: Extract<UpdatesJob, { do: 'tag' }>): Promise<void> {
  let between = 0
  for (const path of dirs) {
    const others = new OthersBetween()
    const dir = await OciDir.open(others.watched(folder(path, { durability: 'relaxed' })))
    const [first] = (await dir.readIndex()).value.manifests
    if (first === undefined) throw new Error(`no image in ${path}`)
    for (const tag of tags) {
      if (locked) await dir.tag(first.digest, tag)
      else await tagUnlocked(path, tag, others)
    }
    await dir.storage.close()
    between += others.times
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
  while (!isEnough) {
    for (const path of dirs) {
      const dir = await OciDir.open(folder(path))
      let before = 0
      // Several of each layout, or the reader would hardly see one change.
      for (let i = 0; i < 20 && !isEnough; i++) {
        const found = await dir.tags().catch(error => error)
        reads++
        if (!Array.isArray(found) || found.length < before) torn++
        else {
          if (before > 0 && found.length > before) grown++
          before = found.length
        }
      }
    }
    await new Promise(resolve => setTimeout(resolve, 0))
  }
  said(`reads ${reads}`)
  said(`grown ${grown}`)
  said(`torn ${torn}`)
}
