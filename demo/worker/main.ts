/** The worker: takes calls, runs them side by side, answers. All that the library does, it does in here. */

import { build } from './build.ts'
import type { CallOptions } from './call.ts'
import { check, images, listFiles, open, remove } from './inspect.ts'
import type { CallName, Calls, Fault, FromWorker, Step, ToWorker } from './protocol.ts'
import { saveFolder, saveTar } from './save.ts'
import { take } from './source.ts'

type Handlers = {
  readonly [Name in CallName]: (
    request: Calls[Name]['request'],
    options: CallOptions,
  ) => Promise<Calls[Name]['result']>
}

const handlers: Handlers = { take, build, images, open, remove, check, files: listFiles, saveTar, saveFolder }
const running = new Map<number, AbortController>()

// The page is the only one that can post here: a dedicated worker has no other channel.
self.addEventListener('message', (event: MessageEvent<ToWorker>) => {
  const { data } = event
  if ('cancel' in data) running.get(data.cancel)?.abort()
  else void answer(data.id, data.name, data.request)
})

async function answer<Name extends CallName>(
  id: number,
  name: Name,
  request: Calls[Name]['request'],
): Promise<void> {
  const controller = new AbortController()
  running.set(id, controller)
  try {
    const result = await handlers[name](request, {
      signal: controller.signal,
      onProgress: throttled(step => post({ id, step })),
    })
    post({ id, result })
  } catch (error) {
    post({ id, fault: faultOf(error) })
  } finally {
    running.delete(id)
  }
}

function post(message: FromWorker): void {
  self.postMessage(message)
}

/** Chunks come by the thousand a second; eyes take ten. */
function throttled(send: (step: Step) => void): (step: Step) => void {
  let last = 0
  return step => {
    const now = performance.now()
    if (now - last < 100) return
    last = now
    send(step)
  }
}

function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { name: 'Error', code: undefined, message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { name: error.name, code, message: messageOf(error) }
}

/** The cause tells what the browser itself said, which a user may need. */
function messageOf(error: Error): string {
  const { cause } = error
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message
}
