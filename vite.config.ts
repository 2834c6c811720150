import { fileURLToPath } from 'node:url'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import manifest from './package.json' with { type: 'json' }
import { findTool } from './scripts/provision.mjs'

/** `ocidir/fsa` and the like lead to the sources, so that page and tests run without a build. */
const alias = Object.entries(manifest.exports)
  .filter(([, target]) => target.endsWith('.js'))
  .map(([entry, target]) => ({
    find: new RegExp(`^${entry.replace('.', 'ocidir')}$`),
    replacement: fileURLToPath(
      new URL(target.replace('./dist/', './').replace(/\.js$/, '.ts'), import.meta.url),
    ),
  }))

const top = fileURLToPath(new URL('./', import.meta.url))
const browserPath = findTool('chromium') ?? 'chromium-is-missing'

export default defineConfig({
  root: process.env.VITEST ? top : `${top}demo`,
  base: './',
  resolve: { alias },
  build: { outDir: '../dist/page', emptyOutDir: true, target: 'es2022' },
  worker: { format: 'es' },
  test: {
    projects: [
      {
        resolve: { alias },
        root: top,
        test: {
          name: 'node',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.browser.test.ts', 'test/fixtures/**'],
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
      {
        resolve: { alias },
        root: top,
        test: {
          name: 'chromium',
          include: ['test/**/*.both.test.ts', 'test/**/*.browser.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: browserPath,
                args: [
                  '--no-sandbox',
                  '--disable-gpu',
                  '--disable-quic',
                  '--no-first-run',
                  '--disable-background-networking',
                  '--disable-component-update',
                  '--disable-sync',
                ],
              },
              persistentContext: true,
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
})
