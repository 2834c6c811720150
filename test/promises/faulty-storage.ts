/** Any storage, each call of whose contract can be made to fail. */

import { OciError } from '../../src/errors.ts'
import type {
  AbortOptions,
  AdoptedFile,
  ResumableFile,
  ResumeOptions,
  StagedFile,
  StageOptions,
  StorageAdapter,
  StorageEntry,
  StoredFile,
} from '../../src/storage.ts'
import { forwarding } from '../suites/forwarding.ts'
import { type FaultKind, Faults } from './faults.ts'

const writing = new Set(['stage', 'resume', 'write', 'close', 'commit', 'update', 'adopt'])
const reading = new Set(['chunk', 'bytes'])
/** Whose answer can be lost after the deed. */
const deeds = new Set(['commit', 'update', 'remove', 'sweep'])

/** Faults for the calls of the contract. `discard` and `leave` have none: what they can't drop is a leftover by right. */
export function contractFaults(): Faults {
  const targets: Readonly<Record<FaultKind, (call: string) => boolean>> = {
    error: () => true,
    'late error': call => deeds.has(call),
    denied: call => writing.has(call),
    quota: call => writing.has(call),
    'short read': call => reading.has(call),
    'short write': () => false,
    // Neither takes a signal.
    hang: call => call !== 'sweep' && call !== 'end',
  }
  return new Faults((kind, call) => targets[kind](call))
}

/** The storage behind faults. Without an order it is the other one. */
export function faultyStorage(inner: StorageAdapter, faults: Faults): StorageAdapter {
  const behind = new WeakMap<StoredFile, StoredFile>()
  const run = runner(faults, inner.name)
  const fileOf = (file: StoredFile): StoredFile => {
    const faulty = faultyFile(file, run)
    behind.set(faulty, file)
    return faulty
  }
  return forwarding(inner, {
    async open(path, options) {
      const file = await run('open', options, () => inner.open(path, options))
      return file && fileOf(file)
    },
    list: options => faultyList(inner, run, options),
    stage: async options =>
      faultyStaged(await run('stage', options, () => inner.stage(options)), run, options),
    ...(inner.resume && {
      async resume(path, options) {
        const part = await run('resume', options, async () => inner.resume?.(path, options))
        return part && faultyPart({ ...part, kept: fileOf(part.kept) }, run, options)
      },
    }),
    update: (path, edit, options) => run('update', options, () => inner.update(path, edit, options)),
    remove: (choose, options) => run('remove', options, () => inner.remove(choose, options)),
    sweep: options => run('sweep', undefined, () => inner.sweep(options)),
    close: () => run('end', undefined, () => inner.close()),
    ...(inner.adopt && {
      async adopt(file, options) {
        const own = behind.get(file) ?? file
        const adopted = await run('adopt', options, async () => inner.adopt?.(own, options))
        return adopted && faultyAdopted({ ...adopted, file: fileOf(adopted.file) }, run)
      },
    }),
  })
}

/** A file by itself, such as an archive, behind faults. */
export function faultyNamed<File extends StoredFile>(file: File, faults: Faults): File {
  return { ...file, ...faultyFile(file, runner(faults, 'file')), blob: undefined }
}

type Run = <T>(call: string, options: AbortOptions | undefined, deed: () => Promise<T>) => Promise<T>

/** Passed by `bytes` and by each chunk: what of them is left. */
class Short extends Error {}

function runner(faults: Faults, storage: string): Run {
  return async (call, options, deed) => {
    const fault = faults.next(call)
    if (fault === 'hang') return faults.hang(options?.signal)
    if (fault === 'short read') throw new Short()
    if (fault === 'quota') throw new OciError('STORAGE_FULL', { storage }, { cause: new Error('injected') })
    if (fault === 'denied')
      throw new OciError('STORAGE_DENIED', { storage, operation: call }, { cause: new Error('injected') })
    if (fault === 'late error') await deed()
    if (fault === undefined) return deed()
    throw new OciError('STORAGE_FAILED', { storage, operation: call }, { cause: new Error('injected') })
  }
}

function faultyFile(file: StoredFile, run: Run): StoredFile {
  return {
    size: file.size,
    ...(file.modified !== undefined && { modified: file.modified }),
    stream: range => faultyStream(file.stream(range), run, range),
    async bytes(range) {
      try {
        return await run('bytes', range, () => file.bytes(range))
      } catch (error) {
        if (!(error instanceof Short)) throw error
        const bytes = await file.bytes(range)
        return bytes.subarray(0, bytes.length >> 1)
      }
    },
  }
}

function faultyStream(
  stream: ReadableStream<Uint8Array>,
  run: Run,
  options: AbortOptions | undefined,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await run('chunk', options, () => reader.read())
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          reader.cancel(error).catch(() => {})
          if (error instanceof Short) controller.close()
          else controller.error(error)
        }
      },
      cancel: reason => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

async function* faultyList(
  inner: StorageAdapter,
  run: Run,
  options: AbortOptions | undefined,
): AsyncGenerator<StorageEntry, void, undefined> {
  const iterator = inner.list(options)[Symbol.asyncIterator]()
  for (;;) {
    const next = await run('list', options, () => Promise.resolve(iterator.next()))
    if (next.done) return
    yield next.value
  }
}

function faultyStaged(staged: StagedFile, run: Run, options: StageOptions | undefined): StagedFile {
  return { ...faultyCommit(staged, run), writable: faultyWritable(staged.writable, run, options) }
}

function faultyPart(part: ResumableFile, run: Run, options: ResumeOptions): ResumableFile {
  return {
    kept: part.kept,
    hashed: part.hashed,
    writable: faultyWritable(part.writable, run, options),
    commit: commitOptions => run('commit', commitOptions, () => part.commit(commitOptions)),
    leave: hashed => part.leave(hashed),
    discard: () => part.discard(),
  }
}

function faultyWritable(
  writable: WritableStream<Uint8Array>,
  run: Run,
  options: AbortOptions | undefined,
): WritableStream<Uint8Array> {
  const sink = writable.getWriter()
  sink.closed.catch(() => {})
  return new WritableStream<Uint8Array>({
    // The signal of `stage` is that of the writes.
    write: chunk => run('write', options, () => sink.write(chunk)),
    close: () => run('close', options, () => sink.close()),
    abort: reason => sink.abort(reason),
  })
}

function faultyAdopted(adopted: AdoptedFile, run: Run): AdoptedFile {
  return { ...faultyCommit(adopted, run), file: adopted.file }
}

function faultyCommit(
  staged: Pick<StagedFile, 'commit' | 'discard'>,
  run: Run,
): Pick<StagedFile, 'commit' | 'discard'> {
  return {
    commit: (path, options) => run('commit', options, () => staged.commit(path, options)),
    discard: () => staged.discard(),
  }
}
