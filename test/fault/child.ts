/** Children of the fault tests: bundled once from TypeScript, run by plain Node as processes or threads, spoken to by lines. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'vite'
import { wasmModules } from '../../scripts/wasm.mjs'
import { sourceAlias } from '../setup/entries.ts'

/** Bundles a child's program; gives its path and the end of it. */
export async function buildChild(
  source: URL = new URL('./folder-child.ts', import.meta.url),
): Promise<{ program: string; remove(): Promise<void> }> {
  const outDir = await mkdtemp(join(tmpdir(), 'ocidir-child-'))
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: { alias: sourceAlias },
    plugins: [wasmModules()],
    // The bundle lies where no packages are.
    ssr: { noExternal: true },
    build: {
      ssr: fileURLToPath(source),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'child.mjs' } },
    },
  })
  return { program: join(outDir, 'child.mjs'), remove: () => rm(outDir, { recursive: true }) }
}

/** What a child says, as a process or as a thread. */
abstract class Speaker {
  readonly lines: string[] = []
  abstract readonly exited: Promise<void>
  #heard = (): void => {}

  protected hear(...lines: readonly string[]): void {
    this.lines.push(...lines)
    this.#heard()
  }

  /** Resolves when the child has said a line, or says it after so many; rejects when it ends without. */
  async said(line: string | RegExp, after = 0): Promise<void> {
    const isSaid = (): boolean =>
      this.lines.some((said, i) => i >= after && (typeof line === 'string' ? said === line : line.test(said)))
    const ended = this.exited.then(() => 'ended')
    while (!isSaid()) {
      const heard = new Promise<string>(resolve => {
        this.#heard = () => resolve('heard')
      })
      if (isSaid()) return
      if ((await Promise.race([heard, ended])) === 'ended' && !isSaid()) {
        throw new Error(`the child ended without ${line}: ${this.lines.join(' | ')}`)
      }
    }
  }

  /** Lets the child begin, or go on, where it waits. */
  abstract begin(): void
}

/** A child that is a thread of this process. */
export class ThreadChild extends Speaker {
  readonly exited: Promise<void>
  readonly #worker: Worker

  constructor(program: string, job: object) {
    super()
    this.#worker = new Worker(program, { argv: [JSON.stringify(job)] })
    this.#worker.on('message', line => this.hear(String(line)))
    this.#worker.on('error', error => this.hear(`failed ${error.stack}`))
    this.exited = new Promise(resolve => this.#worker.once('exit', () => resolve()))
  }

  begin(): void {
    this.#worker.postMessage('go')
  }
}

/** A child that is a process. */
export class Child extends Speaker {
  readonly exited: Promise<void>
  readonly #process: ChildProcess

  constructor(program: string, job: object) {
    super()
    this.#process = spawn(process.execPath, [program, JSON.stringify(job)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let rest = ''
    this.#process.stdout?.setEncoding('utf8').on('data', (data: string) => {
      const lines = (rest + data).split('\n')
      rest = lines.pop() ?? ''
      this.hear(...lines)
    })
    this.exited = new Promise(resolve => this.#process.once('close', () => resolve()))
  }

  begin(): void {
    this.#process.stdin?.write('go\n')
  }

  /** Tells the child that it has done enough. */
  end(): void {
    this.#process.stdin?.end()
  }

  signal(name: 'SIGKILL' | 'SIGCONT'): void {
    this.#process.kill(name)
  }

  /** Resolves when the system says that the child stands still. */
  async stopped(): Promise<void> {
    while (stateOf(this.#process.pid) !== 'T') await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function stateOf(pid: number | undefined): string | undefined {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[0]
}
