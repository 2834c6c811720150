/** Staging: nobody sees bytes without a name, and a name never shows bytes that aren't whole. */

import type { StagedFile } from '../../../src/storage.ts'
import { concat } from '../../../src/streams.ts'
import { fails, ok, same, sameBytes, sameNames, thrownBy } from '../assert.ts'
import {
  blobName,
  bytesOf,
  drain,
  entriesIn,
  fill,
  namesIn,
  opened,
  pause,
  put,
  read,
  stageBytes,
} from '../material.ts'
import type { CaseContext, StorageCase } from '../storage-case.ts'

const blob = blobName(1)

/** After something was given up, the place is as it was: no name, no private file, nothing to sweep. */
async function leavesNothing({ storage }: CaseContext): Promise<void> {
  sameNames(await namesIn(storage), [], 'what is listed')
  same(await storage.sweep({ olderThan: 0 }), 0, 'what is swept')
  same(await storage.open(blob), undefined, 'the blob')
}

/** Aborts at one stage of a staged file's life; whatever the stage, nothing may be left. */
function abortCase(
  stage: string,
  live: (staged: StagedFile, abort: () => void) => Promise<void>,
): StorageCase {
  return {
    name: `leaves nothing behind when aborted ${stage}`,
    async run(context) {
      const abort = new AbortController()
      const reason = new Error(`aborted ${stage}`)
      const staged = await context.storage.stage({ signal: abort.signal })
      await live(staged, () => abort.abort(reason))
      await fails(() => staged.commit(blob), { value: reason }, 'commit after the abort')
      await staged.discard()
      await leavesNothing(context)
    },
  }
}

export const stagingCases: readonly StorageCase[] = [
  {
    name: 'hides staged bytes until commit',
    async run({ storage }) {
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(bytesOf(100_000))
      same(await storage.open(blob), undefined, 'while it is written')
      await writer.close()
      same(await storage.open(blob), undefined, 'when it is closed')
      for (const entry of await entriesIn(storage)) same(entry.kind, 'staged', entry.path)
      same(await staged.commit(blob), 'written')
      sameBytes(await read(storage, blob), bytesOf(100_000))
    },
  },
  {
    name: 'keeps no private file after a commit',
    async run({ storage }) {
      await put(storage, blob, bytesOf(100))
      sameNames(await namesIn(storage), [blob])
      same(await storage.sweep({ olderThan: 0 }), 0, 'swept')
    },
  },
  {
    name: 'lets an existing blob of the same size win',
    async run({ storage }) {
      same(await put(storage, blob, bytesOf(50, 1)), 'written')
      same(await put(storage, blob, bytesOf(50, 2)), 'existed')
      sameBytes(await read(storage, blob), bytesOf(50, 1))
      sameNames(await namesIn(storage), [blob])
    },
  },
  {
    name: 'never rewrites an existing blob: one who reads it goes on',
    async run({ storage }) {
      await put(storage, blob, bytesOf(3_000_000))
      const file = await opened(storage, blob)
      const reader = file.stream().getReader()
      await reader.read()
      same(await put(storage, blob, bytesOf(3_000_000)), 'existed')
      while (!(await reader.read()).done);
      sameBytes(await file.bytes(), bytesOf(3_000_000))
    },
  },
  {
    name: 'leaves the time of an existing blob as it is',
    needs: { trait: 'modifiedTimes', has: traits => traits.modifiedTimes },
    async run({ storage }) {
      await put(storage, blob, bytesOf(50))
      const before = (await opened(storage, blob)).modified
      await pause(30)
      await put(storage, blob, bytesOf(50))
      same((await opened(storage, blob)).modified, before, 'modified')
    },
  },
  ...[3, 9].map(
    (size): StorageCase => ({
      name: `replaces an existing blob of ${size} bytes by the right 6`,
      async run({ storage }) {
        await put(storage, blob, bytesOf(size))
        same(await put(storage, blob, bytesOf(6, 2)), 'written')
        sameBytes(await read(storage, blob), bytesOf(6, 2))
        same(await put(storage, blob, bytesOf(6, 2)), 'existed', 'and then it wins')
        sameNames(await namesIn(storage), [blob])
      },
    }),
  ),
  {
    name: 'replaces an existing blob without bytes, as a crash may leave one',
    async run({ storage }) {
      await put(storage, blob, bytesOf(0))
      same(await put(storage, blob, bytesOf(6)), 'written')
      sameBytes(await read(storage, blob), bytesOf(6))
    },
  },
  {
    name: 'commits nothing before the writable is closed',
    async run({ storage }) {
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(bytesOf(10))
      await fails(() => staged.commit(blob), { type: TypeError })
      same(await storage.open(blob), undefined)
      await writer.write(bytesOf(10))
      await writer.close()
      same(await staged.commit(blob), 'written')
      same((await opened(storage, blob)).size, 20, 'size')
    },
  },
  {
    name: 'commits nothing twice',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      await staged.commit(blob)
      await fails(() => staged.commit(blobName(2)), { type: TypeError })
      sameNames(await namesIn(storage), [blob])
    },
  },
  {
    name: 'commits nothing after discard',
    async run(context) {
      const staged = await stageBytes(context.storage, bytesOf(10))
      await staged.discard()
      await fails(() => staged.commit(blob), { type: TypeError })
      await leavesNothing(context)
    },
  },
  {
    name: 'discards before the first byte',
    async run(context) {
      await (await context.storage.stage()).discard()
      await leavesNothing(context)
    },
  },
  {
    name: 'discards in the middle of its bytes',
    async run(context) {
      const staged = await context.storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(bytesOf(300_000))
      await staged.discard()
      await thrownBy(() => writer.write(bytesOf(10)), 'a write after discard')
      await leavesNothing(context)
    },
  },
  {
    name: 'discards while a write runs',
    async run(context) {
      const staged = await context.storage.stage()
      const writer = staged.writable.getWriter()
      const writes = [1, 2, 3].map(seed => writer.write(bytesOf(400_000, seed)).catch(() => 'failed'))
      await staged.discard()
      await Promise.all(writes)
      await leavesNothing(context)
    },
  },
  {
    name: 'discards closed bytes',
    async run(context) {
      await (await stageBytes(context.storage, bytesOf(10))).discard()
      await leavesNothing(context)
    },
  },
  {
    name: 'discards a second time without complaint',
    async run(context) {
      const staged = await stageBytes(context.storage, bytesOf(10))
      await Promise.all([staged.discard(), staged.discard()])
      await staged.discard()
      await leavesNothing(context)
    },
  },
  {
    name: 'discards nothing that is committed',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      await staged.commit(blob)
      await staged.discard()
      sameBytes(await read(storage, blob), bytesOf(10))
    },
  },
  {
    name: 'discards nothing that existed already',
    async run({ storage }) {
      await put(storage, blob, bytesOf(10))
      const staged = await stageBytes(storage, bytesOf(10))
      same(await staged.commit(blob), 'existed')
      await staged.discard()
      sameBytes(await read(storage, blob), bytesOf(10))
    },
  },
  {
    name: 'leaves nothing behind when its writable is aborted',
    async run(context) {
      const staged = await context.storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(bytesOf(300_000))
      await writer.abort(new Error('source broke'))
      await thrownBy(() => staged.commit(blob), 'commit')
      await staged.discard()
      await leavesNothing(context)
    },
  },
  {
    name: 'leaves nothing behind when a source breaks in its middle',
    async run(context) {
      const broken = new Error('source broke')
      let pulls = 0
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pulls++ === 3) controller.error(broken)
          else controller.enqueue(bytesOf(100_000))
        },
      })
      const staged = await context.storage.stage()
      await fails(() => source.pipeTo(staged.writable), { value: broken })
      await staged.discard()
      await leavesNothing(context)
    },
  },
  {
    name: 'leaves nothing behind when it is given something that is not bytes',
    async run(context) {
      const staged = await context.storage.stage()
      const text: unknown = 'text'
      await fails(() => staged.writable.getWriter().write(text as Uint8Array), { type: TypeError })
      await thrownBy(() => staged.commit(blob), 'commit')
      await staged.discard()
      await leavesNothing(context)
    },
  },
  {
    name: 'stages nothing for an aborted signal',
    async run(context) {
      const reason = new DOMException('stop', 'AbortError')
      await fails(() => context.storage.stage({ signal: AbortSignal.abort(reason) }), { value: reason })
      await leavesNothing(context)
    },
  },
  abortCase('before the first byte', async (_staged, abort) => abort()),
  abortCase('between two chunks', async (staged, abort) => {
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(300_000))
    abort()
    await thrownBy(() => writer.write(bytesOf(10)), 'a write after the abort')
  }),
  abortCase('while a chunk is written', async (staged, abort) => {
    const writing = staged.writable
      .getWriter()
      .write(bytesOf(2_000_000))
      .catch(() => 'failed')
    abort()
    await writing
  }),
  abortCase('while it is closed', async (staged, abort) => {
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(300_000))
    const closing = writer.close().catch(() => 'failed')
    abort()
    await closing
  }),
  abortCase('before its commit', async (staged, abort) => {
    await fill(staged, [bytesOf(300_000)])
    abort()
  }),
  {
    name: 'rejects a write with the reason of the abort',
    async run({ storage }) {
      const abort = new AbortController()
      const staged = await storage.stage({ signal: abort.signal })
      const writer = staged.writable.getWriter()
      await writer.write(bytesOf(10))
      const reason = new DOMException('stop', 'AbortError')
      abort.abort(reason)
      await fails(() => writer.write(bytesOf(10)), { value: reason })
      await staged.discard()
    },
  },
  {
    name: 'commits nothing for an aborted signal, and can still be committed without it',
    async run({ storage }) {
      const staged = await stageBytes(storage, bytesOf(10))
      const reason = new DOMException('stop', 'AbortError')
      await fails(() => staged.commit(blob, { signal: AbortSignal.abort(reason) }), { value: reason })
      same(await storage.open(blob), undefined)
      same(await staged.commit(blob), 'written')
    },
  },
  {
    name: 'commits or does not when aborted during the commit, never between',
    async run({ storage }) {
      for (let turn = 0; turn < 10; turn++) {
        const abort = new AbortController()
        const staged = await stageBytes(storage, bytesOf(100_000, turn), { signal: abort.signal })
        const committing = staged.commit(blobName(turn), { signal: abort.signal }).then(
          () => true,
          () => false,
        )
        abort.abort(new DOMException('stop', 'AbortError'))
        const committed = await committing
        await staged.discard()
        const bytes = await read(storage, blobName(turn))
        same(bytes !== undefined, committed, 'the blob is there as the commit said')
        if (bytes !== undefined) sameBytes(bytes, bytesOf(100_000, turn))
      }
      for (const entry of await entriesIn(storage)) same(entry.kind, 'file', entry.path)
    },
  },
  {
    name: 'keeps the bytes of a chunk that its caller uses again',
    async run({ storage }) {
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      const chunk = new Uint8Array(70_000)
      for (let value = 1; value <= 4; value++) {
        chunk.fill(value)
        await writer.write(chunk)
      }
      await writer.close()
      await staged.commit(blob)
      const bytes = await read(storage, blob)
      for (let value = 1; value <= 4; value++)
        same(bytes?.[(value - 1) * 70_000 + 5], value, `chunk ${value}`)
    },
  },
  {
    name: 'keeps the bytes of a chunk whose slice is a view, as that of a Node Buffer is',
    async run({ storage }) {
      class Viewed extends Uint8Array {
        override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
          return new Uint8Array(this.buffer as ArrayBuffer).subarray(start, end)
        }
      }
      const chunk = new Viewed(100).fill(1)
      const staged = await storage.stage()
      const writer = staged.writable.getWriter()
      await writer.write(chunk)
      chunk.fill(2)
      await writer.close()
      await staged.commit(blob)
      same((await read(storage, blob))?.[5], 1)
    },
  },
  {
    name: 'writes the part of a buffer that a chunk is a view of',
    async run({ storage }) {
      const whole = bytesOf(1000)
      await (await fill(await storage.stage(), [whole.subarray(100, 200), whole.subarray(300, 301)])).commit(
        blob,
      )
      const expected = new Uint8Array([...whole.subarray(100, 200), ...whole.subarray(300, 301)])
      sameBytes(await read(storage, blob), expected)
    },
  },
  {
    name: 'keeps the order of chunks, whatever small ones stand before, between and behind large ones',
    async run({ storage }) {
      let seed = 1
      for (const large of [1_000, 32_768, 65_535, 65_536, 100_000, 131_062, 131_072, 262_144, 1_048_576]) {
        const sizes = [10, large, 3, large, large, 7, 8, large]
        const chunks = sizes.map(size => bytesOf(size, seed++))
        await (await fill(await storage.stage(), chunks)).commit(blobName(large))
        sameBytes(await read(storage, blobName(large)), concat(chunks), `with chunks of ${large} bytes`)
      }
    },
  },
  {
    name: 'takes empty chunks among others',
    async run({ storage }) {
      const none = new Uint8Array()
      await (await fill(await storage.stage(), [none, bytesOf(3), none, bytesOf(3), none])).commit(blob)
      same((await opened(storage, blob)).size, 6, 'size')
    },
  },
  {
    name: 'takes thousands of small chunks',
    async run({ storage }) {
      const whole = bytesOf(512 * 3000)
      const chunks = Array.from({ length: 3000 }, (_, i) => whole.subarray(i * 512, (i + 1) * 512))
      await (await fill(await storage.stage(), chunks)).commit(blob)
      sameBytes(await read(storage, blob), whole)
    },
  },
  {
    name: 'takes a stream that is piped into it',
    async run({ storage }) {
      await put(storage, blobName(2), bytesOf(1_500_000))
      const staged = await storage.stage({ size: 1_500_000 })
      await (await opened(storage, blobName(2))).stream().pipeTo(staged.writable)
      await staged.commit(blob)
      sameBytes(await drain((await opened(storage, blob)).stream()), bytesOf(1_500_000))
    },
  },
  {
    name: 'takes an expected size as a hint only',
    async run({ storage }) {
      for (const size of [0, 5, 20]) {
        const staged = await fill(await storage.stage({ size }), [bytesOf(10, size)])
        same(await staged.commit(blobName(size)), 'written', `hint ${size}`)
        sameBytes(await read(storage, blobName(size)), bytesOf(10, size))
      }
    },
  },
  {
    name: 'stages many files at once without mixing them',
    async run({ storage }) {
      const numbers = Array.from({ length: 20 }, (_, i) => i)
      const staged = await Promise.all(numbers.map(() => storage.stage()))
      const writers = staged.map(file => file.writable.getWriter())
      for (let part = 0; part < 3; part++) {
        await Promise.all(writers.map((writer, i) => writer.write(bytesOf(10_000, i * 10 + part))))
      }
      await Promise.all(writers.map(writer => writer.close()))
      await Promise.all(staged.map((file, i) => file.commit(blobName(i))))
      for (const i of numbers) {
        const bytes = await read(storage, blobName(i))
        for (let part = 0; part < 3; part++) {
          sameBytes(bytes?.subarray(part * 10_000, (part + 1) * 10_000), bytesOf(10_000, i * 10 + part))
        }
      }
    },
  },
  {
    name: 'lets eight writers of one blob agree',
    async run({ storage }) {
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => put(storage, blob, bytesOf(200_000))),
      )
      ok(outcomes.includes('written'), 'one of them wrote it')
      sameBytes(await read(storage, blob), bytesOf(200_000))
      sameNames(await namesIn(storage), [blob])
    },
  },
]
