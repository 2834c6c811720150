/**
 * The worker that writes large blobs for a page: a module to be started by `new Worker`, not imported.
 * `opfs` starts it by itself; a page whose bundler or policy forbids that starts it in `OpfsOptions.worker`.
 */

import { privateRoot } from '../../src/private-root.ts'
import { hasSyncAccess } from './platform.ts'
import { SyncWriter } from './sync-writer.ts'
import { type FromWorker, type ToWorker, unsupported } from './worker-protocol.ts'

const writers = new Map<number, SyncWriter>()

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  answerTo(data).then(
    buffer => send({ file: data.file, buffer }),
    error => send({ file: data.file, fault: faultOf(error) }),
  )
})

// No await before a write or an end is made: else a later message could come before it.
async function answerTo(message: ToWorker): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if ('open' in message) return open(message)
  const writer = writers.get(message.file)
  if (writer === undefined) throw new DOMException('the file is not open', 'InvalidStateError')
  if ('write' in message) return writer.write(message.write, message.size)
  await (message.end === 'close' ? writer.close() : writer.release())
  // A close that failed is followed by a release.
  writers.delete(message.file)
  return undefined
}

async function open({ file, open: path, at }: Extract<ToWorker, { open: unknown }>): Promise<undefined> {
  if (!hasSyncAccess()) throw new DOMException('no sync access handles here', unsupported)
  const names = [...path]
  const name = names.pop() ?? ''
  let folder = await privateRoot()
  for (const part of names) folder = await folder.getDirectoryHandle(part)
  const writer = await SyncWriter.open(await folder.getFileHandle(name), at)
  if (writer === undefined) throw new DOMException('no sync access handle now', 'InvalidStateError')
  writers.set(file, writer)
}

function send(answer: FromWorker): void {
  postMessage(answer, { transfer: answer.buffer === undefined ? [] : [answer.buffer.buffer] })
}

function faultOf(error: unknown): FromWorker['fault'] {
  const { name, message } =
    error instanceof Error || error instanceof DOMException ? error : new Error(String(error))
  return { name, message }
}
