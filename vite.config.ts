import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import manifest from './package.json' with { type: 'json' }
import { findTool, howToGet } from './scripts/provision.mjs'
import { wasmModules } from './scripts/wasm.mjs'
import { browserArgs } from './test/setup/browser.ts'
import { sourceAlias as alias } from './test/setup/entries.ts'
import { LongestFirst } from './test/setup/longest-first.ts'
import { persistence } from './test/setup/persistence.ts'
import { CountReporter } from './test/setup/reporter.ts'
import { workParent } from './test/setup/work-folder.ts'

const top = fileURLToPath(new URL('./', import.meta.url))
const inTests = process.env.VITEST !== undefined

/** A browser profile of this run's own; a test that restarts the browser gives one. */
const profile = process.env.OCIDIR_TEST_PROFILE ?? join(workParent(), `ocidir-profile-${process.pid}`)

/** Packages that have no module of their own name. */
const modules: Readonly<Record<string, string>> = { '@noble/hashes': '@noble/hashes/sha2.js' }

/** Set by `test/house/profile.test.ts` alone, to see that a dropped profile is noticed. */
const inParallel = process.env.OCIDIR_TEST_PARALLEL !== undefined

const node: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: 'node',
    environment: 'node',
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.browser.test.ts', 'test/fixtures/**'],
    // Most of them wait for a child process or the disk most of the time.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
}

const chromium: TestProjectInlineConfiguration = {
  extends: true,
  // Found late, a dependency makes vite reload the page in the middle of a test.
  optimizeDeps: { include: Object.keys(manifest.dependencies).map(name => modules[name] ?? name) },
  test: {
    name: 'chromium',
    include: ['test/**/*.both.test.ts', 'test/**/*.browser.test.ts'],
    exclude: ['test/fixtures/**'],
    // vitest drops the persistent profile, with a warning only, when files run in parallel.
    fileParallelism: inParallel,
    maxWorkers: inParallel ? 2 : 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: findTool('chromium') ?? 'chromium is missing',
          args: [...browserArgs],
        },
        persistentContext: profile,
      }),
      instances: [{ browser: 'chromium' }],
      commands: { persistence },
    },
    provide: { profileProbe: process.env.OCIDIR_PROFILE_PROBE ?? '' },
  },
}

export default defineConfig({
  root: inTests ? top : join(top, 'demo'),
  base: './',
  // Tests in pages read OCIDIR_LONG and OCIDIR_SEED.
  ...(inTests && { envPrefix: ['VITE_', 'OCIDIR_LONG', 'OCIDIR_SEED'] }),
  resolve: { alias },
  plugins: [wasmModules()],
  // A run inside a run must not rebuild the packages that the outer one's pages are loading.
  ...(process.env.OCIDIR_TEST_PROFILE && { cacheDir: `${profile}-vite` }),
  build: { outDir: join(top, 'dist/page'), emptyOutDir: true, target: 'es2022' },
  worker: { format: 'es', plugins: () => [wasmModules()] },
  test: {
    reporters: ['default', new CountReporter()],
    sequence: { sequencer: LongestFirst },
    projects: projects(),
  },
})

function projects(): TestProjectInlineConfiguration[] {
  if (!inTests) return []
  if (findTool('chromium') === undefined && !process.env.CI) {
    process.stderr.write(`\nThe tests in a browser do NOT run. ${howToGet('chromium')}\n\n`)
    return [node]
  }
  // After the run, when the browser has let go of it.
  if (!process.env.OCIDIR_TEST_PROFILE) {
    process.once('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }))
  }
  return [node, chromium]
}
