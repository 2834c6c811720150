// Runs whole commands side by side: wall time by pairs, peak memory by the kernel's own high-water mark.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** One run of a command: seconds, and peak resident bytes (Linux; elsewhere 0). */
export async function run(command, args, options = {}) {
  const started = process.hrtime.bigint()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], ...options })
  const output = []
  child.stdout?.on('data', chunk => output.push(chunk))
  let peak = 0
  const poll = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid))
  }, 5)
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  clearInterval(poll)
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  return { seconds, peak, output: Buffer.concat(output).toString() }
}

/** Two commands in turn, A B A B …: the medians, and the median of the ratios pair by pair. */
export async function pair(a, b, runs = 5) {
  const results = { a: [], b: [] }
  await a()
  await b()
  for (let i = 0; i < runs; i++) {
    results.a.push(await a())
    results.b.push(await b())
  }
  const ratios = results.a.map(({ seconds }, i) => results.b[i].seconds / seconds)
  return { a: summary(results.a), b: summary(results.b), ratio: median(ratios) }
}

export function median(values) {
  const sorted = [...values].sort((x, y) => x - y)
  return sorted[Math.floor(sorted.length / 2)]
}

/** The high-water mark of a process's resident memory, in bytes. */
export function peakOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

export const mib = bytes => (bytes / 2 ** 20).toFixed(0)

export function table(rows) {
  const [head, ...body] = rows
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...body.map(line)].join('\n')
}

function summary(runs) {
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    peak: Math.max(...runs.map(({ peak }) => peak)),
  }
}
