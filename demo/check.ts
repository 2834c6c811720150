/** The check of the layout, and what it found. */

import type { Finding, FsckResult } from 'ocidir'
import type { WorkerClient } from './client.ts'
import { byId, make } from './dom.ts'
import { counted, formatBytes } from './format.ts'
import { isWorking, type JobOptions, type WorkOptions, work } from './work.ts'

const verdict = byId('check-verdict', HTMLElement)
const list = byId('findings', HTMLUListElement)
const again = byId('check-again', HTMLButtonElement)

const mostShown = 100

/** Runs the check when asked, with its progress on show. */
export class CheckView {
  readonly #client: WorkerClient

  constructor(client: WorkerClient, onFault: (error: unknown) => void) {
    this.#client = client
    again.addEventListener('click', () => {
      if (!isWorking()) this.run().catch(onFault)
    })
  }

  /** Checks all that the layout holds; a cancelled check says so. */
  async run(options: WorkOptions = {}): Promise<void> {
    verdict.className = 'verdict'
    verdict.textContent = ''
    list.replaceChildren()
    const check = (job: JobOptions): Promise<FsckResult> => this.#client.call('check', undefined, job)
    const result = await work('Checking every byte', check, options)
    if (result === undefined) verdict.textContent = 'Not checked: the check was cancelled.'
    else this.#render(result)
  }

  #render({ ok, validated, counts, findings }: FsckResult): void {
    const found = ok ? 'Sound' : `Broken: ${counted(counts.errors, 'error')}`
    verdict.className = `verdict ${ok ? 'good' : 'bad'}`
    verdict.textContent = `${ok ? '✓' : '✗'} ${found}. ${counted(validated, 'blob')} of this layout verified, ${formatBytes(counts.bytes)} read.`
    const lines = findings.slice(0, mostShown).map(lineOf)
    const rest = findings.length - lines.length
    list.replaceChildren(
      ...lines,
      ...(rest > 0 ? [make('li', {}, `and ${counted(rest, 'more finding')}`)] : []),
    )
  }
}

function lineOf({ severity, code, path, message }: Finding): HTMLLIElement {
  return make(
    'li',
    {},
    make('span', { class: `severity ${severity}` }, `${severity} ${code}`),
    `: ${message} `,
    make('code', {}, path),
  )
}
