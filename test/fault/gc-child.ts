/** A writer or a gc in a process of its own, told by its first argument what to do. Bundled by `child.ts`. */

import { writeSync } from 'node:fs'
import { folder } from '../../adapters/node/index.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { collect, collectByList, untilWritten } from './gc-race.ts'

/** What a child does on the layout in `dir`. */
export type GcJob =
  /** Writes an image for each name, of blobs that other writers write, too. */
  | { readonly do: 'write'; readonly dir: string; readonly tags: readonly string[] }
  /** Collects without grace, over and over, until its input ends; `listed`: the wrong way. */
  | { readonly do: 'gc'; readonly dir: string; readonly way: 'safe' | 'listed' }

const job: GcJob = JSON.parse(process.argv[2] ?? '')
let isEnough = false
tell('ready')
process.stdin.on('end', () => {
  isEnough = true
})
process.stdin.once('data', () => {
  perform(job).then(
    () => {
      tell('done')
      process.exit(0)
    },
    error => {
      tell(`failed ${error?.stack}`)
      process.exit(1)
    },
  )
})

async function perform(given: GcJob): Promise<void> {
  const dir = await OciDir.open(folder(given.dir, { durability: 'relaxed' }))
  if (given.do === 'write') {
    let again = 0
    for (const [i, tag] of given.tags.entries()) again += await writeTag(dir, tag, i)
    tell(`again ${again}`)
  } else {
    let taken = 0
    while (!isEnough) {
      const removed = await (given.way === 'safe' ? collect(dir) : collectByList(dir, 20))
      // What went after the last writer had gone was beside nobody.
      if (!isEnough) taken += removed
    }
    tell(`taken ${taken}`)
  }
  await dir.storage.close()
}

/** An image of a layer that each process writes, and garbage beside it. Gives how often a layer was taken. */
async function writeTag(dir: OciDir<StorageAdapter>, tag: string, i: number): Promise<number> {
  return untilWritten(async () => {
    const layer = await dir.writeLayer(`layer ${i}`)
    await dir.writeBlob(`garbage ${tag}`)
    await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: tag }), layer), { tag })
  })
}

function tell(line: string): void {
  writeSync(1, `${line}\n`)
}
