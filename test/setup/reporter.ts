import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node'

/** What a run came to. `broken` are faults that belong to no test; each is counted as a failure. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
  broken: string[]
}

/** Warnings of vitest that mean that tests don't test what they say. */
const fatalWarnings: readonly RegExp[] = [/persistentContext option is ignored/]

/**
 * Counts what ran, and says it at the process's end in one line that a script can read. With
 * `OCIDIR_COUNTS` set, the figures go into that file instead, for `scripts/test.mjs` to add its own.
 */
export class CountReporter implements Reporter {
  readonly #warnings: string[] = []
  #counts: Counts | undefined

  onInit(vitest: Vitest): void {
    const warn = vitest.logger.warn.bind(vitest.logger)
    vitest.logger.warn = (...args: unknown[]) => {
      const text = args.map(String).join(' ')
      if (fatalWarnings.some(fatal => fatal.test(text))) this.#warnings.push(text)
      warn(...args)
    }
    process.once('exit', () => this.#print())
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts: Counts = { passed: 0, failed: 0, skipped: 0, broken: [...this.#warnings] }
    for (const module of modules) count(module, counts)
    counts.broken.push(...errors.map(error => `unhandled: ${error.message}`))
    if (counts.passed + failures(counts) === 0) counts.broken.push('no test ran')
    this.#counts = counts
    const file = process.env.OCIDIR_COUNTS
    if (file) writeFileSync(file, JSON.stringify(counts))
    if (failures(counts) > 0) process.exitCode = 1
  }

  #print(): void {
    if (process.env.OCIDIR_COUNTS) return
    const counts = this.#counts ?? { passed: 0, failed: 0, skipped: 0, broken: ['no test ran'] }
    for (const fault of counts.broken) process.stdout.write(`broken: ${fault}\n`)
    process.stdout.write(`${counts.passed} passed, ${failures(counts)} failed\n`)
  }
}

function count(module: TestModule, counts: Counts): void {
  for (const test of module.children.allTests()) {
    const { state } = test.result()
    // A test without a result (the run was cut) has proven nothing.
    if (state === 'passed' || state === 'skipped') counts[state]++
    else counts.failed++
  }
  for (const suite of module.children.allSuites()) {
    if (suite.errors().length > 0) counts.broken.push(`a hook of ${suite.fullName} (${module.moduleId})`)
  }
  if (module.errors().length > 0 || module.children.size === 0) counts.broken.push(module.moduleId)
}

function failures(counts: Counts): number {
  return counts.failed + counts.broken.length
}
