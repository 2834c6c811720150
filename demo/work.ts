/** The panel of a long job: how far it is, how fast, and a way to stop it. */

import { announce, byId, isCancel } from './dom.ts'
import { formatBytes } from './format.ts'
import type { Step } from './worker/protocol.ts'

const panel = byId('work', HTMLElement)
const title = byId('work-title', HTMLElement)
const bar = byId('progress', HTMLProgressElement)
const figures = byId('work-figures', HTMLElement)
const cancel = byId('cancel', HTMLButtonElement)

interface Running {
  readonly controller: AbortController
  readonly yields: boolean
}

let running: Running | undefined
cancel.addEventListener('click', () => running?.controller.abort(cancelled()))

/** What a job is given. */
export interface JobOptions {
  readonly signal: AbortSignal
  onProgress(step: Step): void
}

/** How a job runs. */
export interface WorkOptions {
  /** True for a job that follows by itself: it leaves the focus alone, and gives way to the next job. */
  readonly isBackground?: boolean
}

/** Tells whether a job is under way that the user has asked for: there is one panel, so one such job at a time. */
export function isWorking(): boolean {
  return running !== undefined && !running.yields
}

/**
 * Runs a job with its progress on show. Gives `undefined` when it is cancelled; every other failure is thrown.
 *
 * The focus goes to the cancel button and, once the job is over, back to where it was: nobody who uses a keyboard is
 * dropped at the top of the page.
 */
export async function work<T>(
  name: string,
  job: (options: JobOptions) => Promise<T>,
  { isBackground = false }: WorkOptions = {},
): Promise<T | undefined> {
  const before = document.activeElement
  running?.controller.abort(cancelled())
  const mine: Running = { controller: new AbortController(), yields: isBackground }
  running = mine
  begin(name)
  if (!isBackground) cancel.focus()
  // A job that follows by itself must not talk over the news of the one before.
  if (!isBackground) announce(name)
  try {
    const { signal } = mine.controller
    return await job({ signal, onProgress: progressSince(performance.now(), signal) })
  } catch (error) {
    if (!isCancel(error)) throw error
    if (!isBackground) announce('Cancelled')
    return undefined
  } finally {
    if (running === mine) end(before)
  }
}

function begin(name: string): void {
  title.textContent = name
  figures.textContent = ''
  bar.removeAttribute('value')
  panel.hidden = false
  document.body.setAttribute('aria-busy', 'true')
}

function end(before: Element | null): void {
  running = undefined
  const hadFocus = panel.contains(document.activeElement)
  panel.hidden = true
  document.body.removeAttribute('aria-busy')
  if (hadFocus && before instanceof HTMLElement) before.focus()
}

function cancelled(): DOMException {
  return new DOMException('cancelled', 'AbortError')
}

function progressSince(start: number, signal: AbortSignal): (step: Step) => void {
  return ({ bytes, total }) => {
    // The panel may be another job's by now.
    if (signal.aborted) return
    const seconds = (performance.now() - start) / 1000
    const rate = seconds > 0.2 ? `, ${formatBytes(Math.round(bytes / seconds))} a second` : ''
    figures.textContent = `${formatBytes(bytes)}${total ? ` of ${formatBytes(total)}` : ''}${rate}`
    if (total === undefined || total === 0) return
    // Tar adds its headers to the files: a little more than all must not look like an error.
    bar.max = total
    bar.value = Math.min(bytes, total)
  }
}
