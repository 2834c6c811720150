/** A writer in a process of its own, told by its first argument what to do. Bundled by `child.ts` and run by Node. */

import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FolderStorage, type SectionPoint } from '../../adapters/node/folder.ts'
import { LayoutLock } from '../../adapters/node/lock.ts'
import { LayoutFolder } from '../../adapters/node/place.ts'
import type { BlobPath } from '../../src/storage.ts'
import { OthersBetween } from './others-between.ts'

/** What a child does. */
export type Job =
  /** Adds lines to index.json, and says how often others came between; without a lock as one that knows none. */
  | {
      readonly do: 'lines'
      readonly dir: string
      readonly lines: readonly string[]
      readonly locked: boolean
    }
  /** Adds one line, and stops or dies at a point of the exclusive section. */
  | {
      readonly do: 'line'
      readonly dir: string
      readonly line: string
      readonly at: SectionPoint
      readonly signal: 'SIGSTOP' | 'SIGKILL'
    }
  /** Removes a blob that index.json doesn't name, and stops or dies at a point of the section. */
  | {
      readonly do: 'remove'
      readonly dir: string
      readonly path: BlobPath
      readonly at: SectionPoint
      readonly signal: 'SIGSTOP' | 'SIGKILL'
    }
  /** As `line`, by a protocol that looks whether the lock is still its own and then renames: the wrong way. */
  | { readonly do: 'unfenced'; readonly dir: string; readonly line: string }

const job: Job = JSON.parse(process.argv[2] ?? '')
tell('ready')
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

function perform(given: Job): Promise<void> {
  switch (given.do) {
    case 'lines':
      return given.locked ? addLines(given.dir, given.lines) : addLinesUnlocked(given.dir, given.lines)
    case 'line':
      return haltingStorage(given).update('index.json', now => addedTo(now, given.line))
    case 'remove':
      return haltingStorage(given)
        .remove(index => (text(index).includes(given.path) ? [] : [given.path]))
        .then(removed => tell(`removed ${removed}`))
    case 'unfenced':
      return addLineUnfenced(given.dir, given.line)
  }
}

function haltingStorage(given: {
  dir: string
  at: SectionPoint
  signal: 'SIGSTOP' | 'SIGKILL'
}): FolderStorage {
  let halted = false
  return new FolderStorage(
    given.dir,
    {},
    {
      async reached(point) {
        if (halted || point !== given.at) return
        halted = true
        halt(given.signal)
      },
    },
  )
}

function halt(signal: 'SIGSTOP' | 'SIGKILL'): void {
  tell('halting')
  process.kill(process.pid, signal)
  // The signal may take a moment to arrive; nothing of the section may run on meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
}

async function addLines(dir: string, lines: readonly string[]): Promise<void> {
  const others = new OthersBetween()
  const storage = others.watched(new FolderStorage(dir))
  for (const line of lines) {
    await storage.update('index.json', now => addedTo(now, line))
    // Else one takes the lock again before any other has looked.
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await storage.close()
  tell(`between ${others.times}`)
}

async function addLinesUnlocked(dir: string, lines: readonly string[]): Promise<void> {
  const others = new OthersBetween()
  for (const line of lines) {
    const now = readFileSync(join(dir, 'index.json'))
    await new Promise(resolve => setTimeout(resolve, 1))
    const next = addedTo(now, line)
    others.saw(text(now), text(next))
    replace(dir, next)
  }
  tell(`between ${others.times}`)
}

async function addLineUnfenced(dir: string, line: string): Promise<void> {
  const layout = new LayoutFolder(dir, { storage: dir, strict: false })
  await new LayoutLock(layout).run(async turn => {
    const next = addedTo(readFileSync(join(dir, 'index.json')), line)
    if (!(await turn.isHeld())) throw new Error('the turn was lost before its publication')
    halt('SIGSTOP')
    replace(dir, next)
  })
}

function replace(dir: string, bytes: Uint8Array): void {
  const next = join(dir, `next-${randomUUID()}`)
  writeFileSync(next, bytes)
  renameSync(next, join(dir, 'index.json'))
}

function addedTo(now: Uint8Array | undefined, line: string): Uint8Array {
  const lines = text(now)
  // Idempotent, as an edit must be that may run again.
  return new TextEncoder().encode(`\n${lines}`.includes(`\n${line}\n`) ? lines : `${lines}${line}\n`)
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}

function tell(line: string): void {
  writeSync(1, `${line}\n`)
}
