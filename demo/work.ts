/** The panel of a long job: how far it is, how fast, and a way to stop it. */

import { announce, byId, isCancel } from './dom.ts'
import { formatBytes } from './format.ts'
import type { Step } from './worker/protocol.ts'

const panel = byId('work', HTMLElement)
const title = byId('work-title', HTMLElement)
const bar = byId('progress', HTMLProgressElement)
const figures = byId('work-figures', HTMLElement)
const cancel = byId('cancel', HTMLButtonElement)

let controller: AbortController | undefined
cancel.addEventListener('click', () => controller?.abort(new DOMException('cancelled', 'AbortError')))

/** What a job is given. */
export interface JobOptions {
  readonly signal: AbortSignal
  onProgress(step: Step): void
}

/** Tells whether a job is under way: there is one panel, so one job at a time. */
export function isWorking(): boolean {
  return controller !== undefined
}

/**
 * Runs a job with its progress on show. Gives `undefined` when the user cancels it; every other failure is thrown.
 *
 * The focus moves to the panel and, with it gone, back to where it was: a keyboard user is never dropped at the top.
 */
export async function work<T>(
  name: string,
  job: (options: JobOptions) => Promise<T>,
): Promise<T | undefined> {
  const before = document.activeElement
  controller = new AbortController()
  begin(name)
  try {
    return await job({ signal: controller.signal, onProgress: progressSince(performance.now()) })
  } catch (error) {
    if (!isCancel(error)) throw error
    announce('Cancelled; nothing was kept')
    return undefined
  } finally {
    controller = undefined
    const hadFocus = panel.contains(document.activeElement)
    panel.hidden = true
    document.body.removeAttribute('aria-busy')
    if (hadFocus && before instanceof HTMLElement) before.focus()
  }
}

function begin(name: string): void {
  title.textContent = name
  figures.textContent = ''
  bar.removeAttribute('value')
  panel.hidden = false
  document.body.setAttribute('aria-busy', 'true')
  cancel.focus()
  announce(name)
}

function progressSince(start: number): (step: Step) => void {
  return ({ bytes, total }) => {
    const seconds = (performance.now() - start) / 1000
    const rate = seconds > 0.2 ? `, ${formatBytes(Math.round(bytes / seconds))} a second` : ''
    figures.textContent = `${formatBytes(bytes)}${total ? ` of ${formatBytes(total)}` : ''}${rate}`
    if (total === undefined || total === 0) return
    // Tar adds its headers to the files: a little more than all must not look like an error.
    bar.max = total
    bar.value = Math.min(bytes, total)
  }
}
