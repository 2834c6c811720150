/** What is found in one layer: bounded, so that a hostile layer of a million faults is still a short report. */

import { type OciError, quote } from '../errors.ts'
import type { FindingCode, Severity } from '../findings.ts'
import type { LayerFinding } from '../fsck-layers.ts'

/** Where in a layer something is. */
export interface EntryPlace {
  readonly entry?: string
  readonly offset: number
}

/** The findings of one layer. Of one code and severity a number is kept, and the rest is counted. */
export class Notes {
  readonly #max: number
  readonly #kept: LayerFinding[] = []
  readonly #kinds = new Map<
    string,
    { readonly severity: Severity; readonly code: FindingCode; count: number }
  >()

  constructor(max: number) {
    this.#max = max
  }

  /** Adds a finding, its place said in the message as well. */
  add(severity: Severity, code: FindingCode, found: EntryPlace & { readonly message: string }): void {
    if (!this.#counts(severity, code)) return
    const { entry, offset } = found
    const named = entry === undefined ? '' : `, entry ${quote(entry)}`
    this.#kept.push({ ...found, severity, code, message: `${found.message} (at byte ${offset}${named})` })
  }

  /** Adds what a reader has thrown: what can't be looked at isn't wrong by that. */
  fault({ code, message, data }: OciError): void {
    const severity = code === 'LIMIT_EXCEEDED' || code === 'UNSUPPORTED' ? 'warning' : 'error'
    const entry = 'entry' in data && data.entry !== undefined ? { entry: data.entry } : {}
    const offset = 'offset' in data && data.offset !== undefined ? { offset: data.offset } : {}
    if (this.#counts(severity, code)) this.#kept.push({ severity, code, ...entry, ...offset, message })
  }

  /** All that is kept, and a line for each kind of which there was more. Nothing of it is kept any longer. */
  list(): LayerFinding[] {
    const more = [...this.#kinds.values()].filter(({ count }) => count > this.#max)
    return [
      ...this.#kept.splice(0),
      ...more.map(({ severity, code, count }) => {
        return { severity, code, message: `and ${count - this.#max} more of this kind in the layer` }
      }),
    ]
  }

  /** Counts one of a kind; tells whether it is to be kept. */
  #counts(severity: Severity, code: FindingCode): boolean {
    const key = `${severity} ${code}`
    const kind = this.#kinds.get(key) ?? { severity, code, count: 0 }
    kind.count += 1
    this.#kinds.set(key, kind)
    return kind.count <= this.#max
  }
}
