/** The Node lock: holders that are killed or stopped at each point of their section, and processes by the eight. */

import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FolderInternals, FolderStorage, type SectionPoint } from '../../adapters/node/folder.ts'
import { folder } from '../../adapters/node/index.ts'
import type { BlobPath, StorageAdapter } from '../../src/storage.ts'
import { Tally } from '../setup/tally.ts'
import { buildChild, Child } from './child.ts'
import type { Job } from './folder-child.ts'
import type { LockThread } from './lock-thread.ts'

const blob: BlobPath = `blobs/sha256/${'ab'.repeat(32)}`
const updatePoints: readonly SectionPoint[] = ['taken', 'edited', 'written', 'publishing', 'published']
const removePoints: readonly SectionPoint[] = ['taken', 'removing', 'removed']
// Who waits for silence waits longer than a test may take.
const never = { times: { stale: 3_600_000, heartbeat: 2_000, patience: 3_600_000 } }
const impatient = { times: { stale: 400, heartbeat: 100, patience: 60_000 } }

let child: Awaited<ReturnType<typeof buildChild>>
let dir: string

beforeAll(async () => {
  child = await buildChild()
})
afterAll(() => child.remove())
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ocidir-lock-'))
})
afterEach(() => rm(dir, { recursive: true }))

describe('a holder that is killed', () => {
  it('delays nobody, wherever it dies, and loses no update of others', async () => {
    const tally = new Tally('P2: kill -9 of a holder, at each point of update')
    for (const at of updatePoints) {
      const storage = await emptied(never)
      await addLine(storage, 'before')
      await haltedChild({ do: 'line', dir, line: 'dead', at, signal: 'SIGKILL' }).then(
        halted => halted.exited,
      )
      tally.attempts++
      if ((await readdir(join(dir, '.ocidir', 'lock'))).length === 1) tally.fired++
      const began = performance.now()
      await addLine(storage, 'after')
      expect(performance.now() - began).toBeLessThan(2000)
      const expected = at === 'published' ? ['before', 'dead', 'after'] : ['before', 'after']
      tally.losses += missing(await linesIn(storage), expected)
      expect(await linesIn(storage)).toEqual(expected)
      await expectClean(storage)
    }
    expect(tally.report()).toMatchObject({ fired: updatePoints.length, losses: 0 })
  })

  it('leaves a layout that names no missing blob when it dies in remove', async () => {
    const tally = new Tally('P2: kill -9 of a holder, at each point of remove')
    for (const at of removePoints) {
      const storage = await emptied()
      await putBlob(storage, blob)
      await haltedChild({ do: 'remove', dir, path: blob, at, signal: 'SIGKILL' }).then(
        halted => halted.exited,
      )
      tally.attempts++
      if ((await readdir(join(dir, '.ocidir', 'lock'))).length === 1) tally.fired++
      await putBlob(storage, blob)
      await storage.update('index.json', () => encode(`${blob}\n`), { requires: [blob] })
      if ((await storage.open(blob)) === undefined) tally.losses++
      await expectClean(storage)
    }
    expect(tally.report()).toMatchObject({ fired: removePoints.length, losses: 0 })
  })

  it('is swept away', async () => {
    for (const at of ['taken', 'written', 'publishing'] as const) {
      const storage = await emptied()
      await haltedChild({ do: 'line', dir, line: 'dead', at, signal: 'SIGKILL' }).then(
        halted => halted.exited,
      )
      expect(await storage.sweep({ olderThan: 0 })).toBe(1)
      await expectClean(storage)
      await storage.close()
      expect(await readdir(dir)).not.toContain('.ocidir')
    }
  })

  it('of another machine, of which nothing can be proven, delays others by ten seconds', async () => {
    const storage = await emptied()
    const entry = join(dir, '.ocidir', 'lock', '1.1.5e2f2f0e-0000-4000-8000-000000000000.ffffffffffffffff')
    await mkdir(entry, { recursive: true })
    const began = performance.now()
    await addLine(storage, 'after')
    const waited = performance.now() - began
    console.log(`took over from a silent holder of another machine after ${Math.round(waited)} ms`)
    expect(waited).toBeGreaterThan(9_500)
    expect(waited).toBeLessThan(12_000)
    expect(await linesIn(storage)).toEqual(['after'])
  })

  it('of another machine is waited for as long as it shows signs of life', async () => {
    const storage = new FolderStorage(dir, {}, impatient)
    const entry = join(dir, '.ocidir', 'lock', '1.1.5e2f2f0e-0000-4000-8000-000000000000.ffffffffffffffff')
    await mkdir(entry, { recursive: true })
    let beats = 0
    const beating = setInterval(() => {
      beats++
      utimes(entry, new Date(), new Date()).catch(() => {})
    }, 50)
    const adding = addLine(storage, 'after')
    await new Promise(resolve => setTimeout(resolve, 1500))
    expect(await storage.open('index.json')).toBeUndefined()
    clearInterval(beating)
    await adding
    expect(beats).toBeGreaterThan(10)
    expect(await linesIn(storage)).toEqual(['after'])
  })

  it('lets one who waits for it give up at once, and keeps nothing of him', async () => {
    const storage = await emptied(never)
    const entry = join(dir, '.ocidir', 'lock', '1.1.5e2f2f0e-0000-4000-8000-000000000000.ffffffffffffffff')
    await mkdir(entry, { recursive: true })
    const reason = new Error('stop')
    const giveUp = async (): Promise<number> => {
      const abort = new AbortController()
      const calls = [
        storage.update('index.json', () => encode('{}'), { signal: abort.signal }),
        storage.update('index.json', () => encode('{}'), { signal: abort.signal }),
        storage.remove(() => [], { signal: abort.signal }),
      ]
      const outcomes = Promise.allSettled(calls)
      await new Promise(resolve => setTimeout(resolve, 200))
      const aborted = performance.now()
      abort.abort(reason)
      for (const outcome of await outcomes) expect(outcome).toEqual({ status: 'rejected', reason })
      return performance.now() - aborted
    }
    // Machines that have much else to do are late now and then, and not each time.
    const late: number[] = []
    for (let i = 0; i < 5; i++) late.push(await giveUp())
    console.log(`three who waited gave up after ${late.map(Math.round).join(', ')} ms`)
    expect(Math.min(...late)).toBeLessThan(100)
    expect(await readdir(join(dir, '.ocidir'))).toEqual(['lock'])
    await rm(entry, { recursive: true })
    await addLine(storage, 'after')
    expect(await linesIn(storage)).toEqual(['after'])
  })

  it('whose process id was given to another process is taken for dead', async () => {
    const storage = await emptied(never)
    await haltedChild({ do: 'line', dir, line: 'dead', at: 'taken', signal: 'SIGKILL' }).then(
      halted => halted.exited,
    )
    const lock = join(dir, '.ocidir', 'lock')
    const [entry = ''] = await readdir(lock)
    // The entry of the dead, under the id of a process that lives: this one, which began at another time.
    await rename(join(lock, entry), join(lock, entry.replace(/^\d+\.\d+/, `${process.pid}.1`)))
    const began = performance.now()
    await addLine(storage, 'after')
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('a thread that is ended in its section', () => {
  it('P5: delays others until its silence has been long enough, wherever it stood, and loses no update', async () => {
    const tally = new Tally('P5: terminate() of a thread that holds the lock, at each point of update')
    const thread = await buildChild(new URL('./lock-thread.ts', import.meta.url))
    for (const at of updatePoints) {
      await emptied()
      const storage = new FolderStorage(dir, {}, impatient)
      await addLine(storage, 'before')
      const worker = new Worker(thread.program, {
        workerData: { dir, line: 'ended', at } satisfies LockThread,
      })
      const [said] = await once(worker, 'message')
      expect(said).toBe('holds')
      tally.attempts++
      await worker.terminate()
      // The process lives, so that its id proves nothing: only the silence does.
      if ((await readdir(join(dir, '.ocidir', 'lock')))[0]?.startsWith(`${process.pid}.`)) tally.fired++
      const began = performance.now()
      await addLine(storage, 'after')
      expect(performance.now() - began).toBeGreaterThan(impatient.times.stale)
      const expected = at === 'published' ? ['before', 'ended', 'after'] : ['before', 'after']
      tally.losses += missing(await linesIn(storage), expected)
      expect(await linesIn(storage)).toEqual(expected)
      await expectClean(storage)
    }
    await thread.remove()
    expect(tally.report()).toMatchObject({ fired: updatePoints.length, losses: 0 })
  })
})

describe('a holder that is stopped and woken', () => {
  it('loses no update, wherever it stood', async () => {
    const tally = new Tally('P5: SIGSTOP of a holder, at each point of update')
    for (const at of updatePoints) {
      await emptied()
      const storage = new FolderStorage(dir, {}, impatient)
      await addLine(storage, 'before')
      const halted = await haltedChild({ do: 'line', dir, line: 'sleeper', at, signal: 'SIGSTOP' })
      await halted.stopped()
      tally.attempts++
      for (const line of ['one', 'two', 'three']) await addLine(storage, line)
      if (!halted.lines.includes('done')) tally.fired++
      halted.signal('SIGCONT')
      await halted.said('done')
      await halted.exited
      const lines = await linesIn(storage)
      tally.losses += missing(lines, ['before', 'sleeper', 'one', 'two', 'three'])
      expect(lines.length).toBe(5)
      await expectClean(storage)
    }
    expect(tally.report()).toMatchObject({ fired: updatePoints.length, losses: 0 })
  })

  it('loses updates with a lock that is checked before an unfenced rename', async () => {
    const tally = new Tally('P5: SIGSTOP between the check and an unfenced rename (broken on purpose)')
    await emptied()
    const storage = new FolderStorage(dir, {}, impatient)
    await addLine(storage, 'before')
    const halted = await haltedChild({ do: 'unfenced', dir, line: 'sleeper' })
    await halted.stopped()
    tally.attempts++
    for (const line of ['one', 'two', 'three']) await addLine(storage, line)
    tally.fired++
    halted.signal('SIGCONT')
    await halted.said('done')
    tally.losses += missing(await linesIn(storage), ['before', 'sleeper', 'one', 'two', 'three'])
    expect(tally.report().losses).toBe(3)
  })

  it('removes no blob that was named while it stood', async () => {
    const tally = new Tally('P5: SIGSTOP of a holder, at each point of remove')
    for (const at of removePoints) {
      await emptied()
      const storage = new FolderStorage(dir, {}, impatient)
      await putBlob(storage, blob)
      const halted = await haltedChild({ do: 'remove', dir, path: blob, at, signal: 'SIGSTOP' })
      await halted.stopped()
      tally.attempts++
      await putBlob(storage, blob)
      await storage.update('index.json', () => encode(`${blob}\n`), { requires: [blob] })
      if (!halted.lines.includes('done')) tally.fired++
      halted.signal('SIGCONT')
      await halted.said('done')
      if ((await storage.open(blob)) === undefined) tally.losses++
      await expectClean(storage)
    }
    expect(tally.report()).toMatchObject({ fired: removePoints.length, losses: 0 })
  })
})

describe('many processes', () => {
  it('P5: lose none of 8 x 8 updates', async () => {
    const tally = await eightByEight(true)
    expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
    expect(tally.fired).toBeGreaterThanOrEqual(8)
  })

  it('P5: lose updates without the lock', async () => {
    const tally = await eightByEight(false)
    expect(tally.report().losses).toBeGreaterThan(0)
  })

  it('P5: lose none of 64 updates of one process through four storages', async () => {
    const tally = new Tally('P5: 64 updates at once, in one process')
    await emptied()
    const storages = Array.from({ length: 4 }, () => folder(dir))
    const lines = Array.from({ length: 64 }, (_, i) => `line-${i}`)
    await Promise.all(
      lines.map(async (line, i) => {
        tally.attempts++
        const storage = storages[i % 4]
        if (storage === undefined) return
        await addLine(storage, line)
        tally.fired++
      }),
    )
    tally.losses += missing(await linesIn(folder(dir)), lines)
    expect(tally.report()).toMatchObject({ fired: 64, losses: 0 })
  })
})

describe('a program that ignores the lock', () => {
  for (const at of ['written', 'published'] as const) {
    it(`is noticed when it writes index.json at the point ${at}, and no update is lost`, async () => {
      const tally = new Tally(`P5: a foreign write at the point ${at}`)
      await emptied()
      let before = new Uint8Array()
      const storage = new FolderStorage(
        dir,
        {},
        {
          async reached(point) {
            if (point === 'taken') before = new Uint8Array(await readFile(join(dir, 'index.json')))
            if (point !== at || tally.fired >= tally.attempts) return
            tally.fired++
            // From what it had read before our update: a lost update, were it not noticed.
            await foreignWrite(new Uint8Array([...before, ...encode(`foreign-${tally.fired}\n`)]))
          },
        },
      )
      await writeFile(join(dir, 'index.json'), '')
      const expected: string[] = []
      for (let i = 1; i <= 10; i++) {
        tally.attempts++
        await addLine(storage, `ours-${i}`)
        expected.push(`ours-${i}`, `foreign-${i}`)
      }
      tally.losses += missing(await linesIn(storage), expected)
      expect(tally.report()).toMatchObject({ fired: 10, losses: 0 })
    })
  }
})

async function eightByEight(locked: boolean): Promise<Tally> {
  const tally = new Tally(
    `P5: 8 processes x 8 updates, ${locked ? 'locked' : 'without lock (broken on purpose)'}`,
  )
  const storage = await emptied()
  await addLine(storage, 'first')
  const names = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (_, k) => `p${i}-${k}`))
  const children = names.map(lines => new Child(child.program, { do: 'lines', dir, lines, locked }))
  await Promise.all(children.map(one => one.said('ready')))
  for (const one of children) one.begin()
  await Promise.all(children.map(one => one.said('done')))
  tally.attempts = 64
  // Fired are those that found another process's since their own one's last: at its end all others may be done.
  for (const { lines } of children)
    tally.fired += Number(lines.find(line => line.startsWith('between '))?.slice('between '.length))
  tally.losses = missing(await linesIn(storage), names.flat())
  return tally
}

async function haltedChild(job: Job): Promise<Child> {
  const halted = new Child(child.program, job)
  await halted.said('ready')
  halted.begin()
  await halted.said('halting')
  return halted
}

async function emptied(internals: FolderInternals = {}): Promise<StorageAdapter> {
  await rm(dir, { recursive: true })
  await mkdir(dir)
  return new FolderStorage(dir, {}, internals)
}

async function putBlob(storage: StorageAdapter, path: BlobPath): Promise<void> {
  const staged = await storage.stage()
  const writer = staged.writable.getWriter()
  await writer.write(encode('bytes'))
  await writer.close()
  await staged.commit(path)
}

async function foreignWrite(bytes: Uint8Array): Promise<void> {
  await writeFile(join(dir, 'foreign'), bytes)
  await rename(join(dir, 'foreign'), join(dir, 'index.json'))
}

function addLine(storage: StorageAdapter, line: string): Promise<void> {
  return storage.update('index.json', now => {
    const lines = new TextDecoder().decode(now)
    return encode(`\n${lines}`.includes(`\n${line}\n`) ? lines : `${lines}${line}\n`)
  })
}

async function linesIn(storage: StorageAdapter): Promise<string[]> {
  const file = await storage.open('index.json')
  return new TextDecoder()
    .decode(await file?.bytes())
    .split('\n')
    .filter(line => line !== '')
}

async function expectClean(storage: StorageAdapter): Promise<void> {
  for await (const entry of storage.list()) expect(entry).toMatchObject({ kind: 'file' })
  expect(await storage.sweep({ olderThan: 0 })).toBe(0)
}

function missing(found: readonly string[], expected: readonly string[]): number {
  return expected.filter(line => !found.includes(line)).length
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
