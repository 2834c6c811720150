/** Where text goes: data to stdout, all else to stderr; a reader that has gone away is no fault. */

import type { WriteStream } from 'node:tty'
import { jsonLine, jsonText } from './json.ts'
import { type Colour, painter } from './text.ts'

/** A stream of the process, as far as a command needs it. */
export type Sink = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

/** One of the two outputs. Lines are gathered; bytes go out as they come and wait for a slow reader. */
export class Output {
  readonly isTerminal: boolean
  readonly paint: (colour: Colour, text: string) => string
  readonly #sink: Sink
  #gathered = ''
  #isOpen = true

  constructor(sink: Sink, env: Readonly<Record<string, string | undefined>>) {
    this.#sink = sink
    this.isTerminal = sink.isTTY === true
    this.paint = painter(this.isTerminal, env)
    // The write's own callback tells of failures; without a listener the event would end the process.
    sink.on('error', () => {})
  }

  /** False once the reader has gone away (`| head`): what follows is written nowhere. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Characters in a line of the terminal. */
  get width(): number {
    // A terminal that doesn't know says 0.
    return this.#sink.columns || 80
  }

  /** Adds a line. */
  async line(text: string): Promise<void> {
    this.#gathered += `${text}\n`
    if (this.#gathered.length >= gatheredSize) await this.flush()
  }

  /** Writes bytes, after the lines before them; resolves when more may come. */
  async write(data: string | Uint8Array): Promise<void> {
    await this.flush()
    await this.#send(data)
  }

  /** Writes a value as JSON. */
  async json(value: unknown): Promise<void> {
    await this.line(jsonText(value))
  }

  /** Writes an array as JSON, one row to a line, without holding it. */
  async jsonRows(rows: Iterable<unknown>): Promise<void> {
    let lead = '['
    for (const row of rows) {
      if (!this.#isOpen) return
      await this.line(lead === '[' ? lead : `${lead},`)
      lead = `  ${jsonLine(row)}`
    }
    if (lead === '[') return this.line('[]')
    await this.line(lead)
    await this.line(']')
  }

  /** Writes the lines gathered. */
  async flush(): Promise<void> {
    const text = this.#gathered
    this.#gathered = ''
    if (text !== '') await this.#send(text)
  }

  #send(data: string | Uint8Array): Promise<void> {
    if (!this.#isOpen) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#sink.write(data, error => {
        if (!error) return resolve()
        if (!isGone(error)) return reject(error)
        this.#isOpen = false
        resolve()
      })
    })
  }
}

/** A line on the terminal that tells how far a long command is; nothing at all elsewhere. */
export class ProgressLine {
  readonly #out: Output
  #last = 0
  #shown = false

  constructor(out: Output) {
    this.#out = out
  }

  /** Shows a text, ten times a second at the most. */
  show(text: string): void {
    if (!this.#out.isTerminal || Date.now() - this.#last < 100) return
    this.#last = Date.now()
    this.#shown = true
    // Progress is never worth waiting or failing for.
    this.#out.write(`\r\x1b[K${text.slice(0, this.#out.width - 1)}`).catch(() => {})
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    if (this.#shown) await this.#out.write('\r\x1b[K')
    this.#shown = false
  }
}

const gatheredSize = 64 << 10

function isGone(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
}
