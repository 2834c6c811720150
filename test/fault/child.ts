/** Children of the fault tests: bundled once from TypeScript, run by plain Node, spoken to by lines. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
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

/** A running child. */
export class Child {
  readonly lines: string[] = []
  readonly exited: Promise<void>
  readonly #process: ChildProcess
  #heard = (): void => {}

  constructor(program: string, job: object) {
    this.#process = spawn(process.execPath, [program, JSON.stringify(job)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let rest = ''
    this.#process.stdout?.setEncoding('utf8').on('data', (data: string) => {
      const lines = (rest + data).split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines)
      this.#heard()
    })
    this.exited = new Promise(resolve => this.#process.once('close', () => resolve()))
  }

  /** Resolves when the child has said a line; rejects when it ends without. */
  async said(line: string | RegExp): Promise<void> {
    const isSaid = (): boolean =>
      this.lines.some(said => (typeof line === 'string' ? said === line : line.test(said)))
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

  /** Lets the child, which waits after its start, begin. */
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
