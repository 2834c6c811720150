// @ts-check
// Runs whole commands side by side: wall time in turn, peak memory by the kernel's own high-water mark.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * One run of something.
 * @typedef {object} Run
 * @property {number} seconds of the whole process; in a tab, of the work
 * @property {number} [inside] seconds of the work alone, without the start of a process
 * @property {number} peak resident bytes at the most (Linux; elsewhere 0)
 * @property {number} [size] bytes that came out
 * @property {string} [digest] of what came out
 * @property {string} [diffId] of what went in
 */
/** @typedef {{ name: string, run: () => Promise<Run> }} Racer */
/** @typedef {{ racers: readonly Racer[], runs: number, warmUps: number }} Race */

/** What a racer throws that isn't there: its row says so. */
export class Missing extends Error {}

/** By this code a process of ours says `Missing`, with the reason on stderr. */
export const missingCode = 69

/**
 * One run of a command.
 * @param {string} command
 * @param {readonly string[]} args
 */
export async function run(command, args) {
  const started = process.hrtime.bigint()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  /** @type {Record<'stdout' | 'stderr', Buffer[]>} */
  const said = { stdout: [], stderr: [] }
  child.stdout.on('data', chunk => said.stdout.push(chunk))
  child.stderr.on('data', chunk => said.stderr.push(chunk))
  let peak = 0
  const poll = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid))
  }, 50)
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  }).finally(() => clearInterval(poll))
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const output = Buffer.concat(said.stdout).toString()
  const complaint = Buffer.concat(said.stderr).toString().trim()
  if (code === missingCode) throw new Missing(complaint)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${complaint}`)
  return { seconds, peak, output }
}

/**
 * All of them in turn, A B C A B C …, so that noise hits all alike.
 * @param {Race} options
 */
export async function race({ racers, runs, warmUps }) {
  /** @type {Map<string, Run[]>} */
  const results = new Map(racers.map(({ name }) => [name, []]))
  /** @type {Map<string, string>} */
  const missing = new Map()
  for (let round = -warmUps; round < runs; round++) {
    for (const { name, run: once } of racers) {
      if (missing.has(name)) continue
      try {
        const result = await once()
        if (round >= 0) results.get(name)?.push(result)
      } catch (error) {
        if (!(error instanceof Missing)) throw error
        missing.set(name, error.message)
      }
    }
  }
  return new Standings(results, missing)
}

/** What a race showed. */
export class Standings {
  #results
  #missing

  /**
   * @param {ReadonlyMap<string, readonly Run[]>} results
   * @param {ReadonlyMap<string, string>} missing
   */
  constructor(results, missing) {
    this.#results = results
    this.#missing = missing
  }

  /** Who took part, missing ones too. */
  get names() {
    return [...this.#results.keys()]
  }

  /** Why one didn't run. @param {string} name */
  missing(name) {
    return this.#missing.get(name)
  }

  /** All runs of one; none when it is missing. @param {string} name */
  runs(name) {
    return this.#results.get(name) ?? []
  }

  /** Medians of one, and its highest peak. @param {string} name */
  of(name) {
    const runs = this.runs(name)
    const [first] = runs
    if (first === undefined) return undefined
    return {
      ...first,
      seconds: median(runs.map(({ seconds }) => seconds)),
      inside: median(runs.map(({ seconds, inside }) => inside ?? seconds)),
      peak: Math.max(...runs.map(({ peak }) => peak)),
    }
  }

  /**
   * The median, round by round, of how many times as fast as a peer one is; `inside` is without its process's start.
   * @param {string} name
   * @param {string} peer
   */
  ratio(name, peer) {
    const own = this.runs(name)
    const others = this.runs(peer)
    if (own.length === 0 || others.length === 0) return undefined
    /** @param {(run: Run) => number} time */
    const by = time => median(own.map((run, i) => (others[i]?.seconds ?? Number.NaN) / time(run)))
    return { whole: by(({ seconds }) => seconds), inside: by(({ seconds, inside }) => inside ?? seconds) }
  }
}

/**
 * Two commands in turn: their medians, and how many times as fast as the second the first is.
 * @param {() => Promise<Run>} a
 * @param {() => Promise<Run>} b
 * @param {number} [runs]
 */
export async function pair(a, b, runs = 5) {
  const racers = [
    { name: 'a', run: a },
    { name: 'b', run: b },
  ]
  const standings = await race({ racers, runs, warmUps: 1 })
  return {
    a: { seconds: standings.of('a')?.seconds ?? Number.NaN },
    b: { seconds: standings.of('b')?.seconds ?? Number.NaN },
    ratio: standings.ratio('a', 'b')?.whole ?? Number.NaN,
  }
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

/**
 * The high-water mark of a process's resident memory, in bytes.
 * @param {number | undefined} pid
 */
export function peakOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** Megabytes of a million bytes, as all tables have them. @param {number} bytes */
export const mb = bytes => (bytes / 1e6).toFixed(0)

/** The sizes that inputs are made in, by their names. @param {number} bytes */
export const mib = bytes => (bytes / 2 ** 20).toFixed(0)

/** A rate in MB/s. @param {number} bytes @param {number} seconds */
export const rate = (bytes, seconds) => {
  const value = bytes / 1e6 / seconds
  return value.toFixed(value < 100 ? 1 : 0)
}

/**
 * Rows as Markdown, the first one as the head. Columns of text stand left, the rest are numbers.
 * @param {readonly (readonly string[])[]} rows
 * @param {number} [texts] how many columns are text
 */
export function table(rows, texts = 1) {
  const [head = [], ...body] = rows
  const widths = head.map((_, i) => Math.max(3, ...rows.map(row => row[i]?.length ?? 0)))
  /** @param {readonly string[]} cells */
  const line = cells => `| ${cells.map(padded).join(' | ')} |`
  /** @param {string} cell @param {number} i */
  const padded = (cell, i) => (i < texts ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))
  const rule = widths.map((width, i) => (i < texts ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...body.map(line)].join('\n')
}
