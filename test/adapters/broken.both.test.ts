/** The suite's own test: each wrong adapter fails the case that is about its fault, which a sound one passes. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { brokenStorages } from '../suites/broken/broken.ts'
import { runStorageCase, type StorageCase, storageCases, storageSuite } from '../suites/index.ts'

describe('the storage suite', () => {
  for (const broken of brokenStorages) {
    it(`rejects a storage that ${broken.fault}`, async () => {
      const item = caseNamed(broken.fails)
      await runStorageCase(item, () => ({ open: () => memory() }))
      await expect(
        runStorageCase(item, () => ({ open: () => broken.over(memory()) })),
      ).rejects.toHaveProperty('name', 'AssertionError')
    })
  }

  it('P18: has 150 cases or more, each with a name of its own', () => {
    expect(new Set(storageCases.map(item => item.name)).size).toBe(storageCases.length)
    expect(storageCases.length).toBeGreaterThanOrEqual(150)
  })

  it('takes no option that would pick cases', async () => {
    const options = { test: { describe, it }, factory: () => ({ open: () => memory() }), skip: ['sweep'] }
    await expect(storageSuite(options)).rejects.toThrow(TypeError)
  })

  it('registers the cases that traits leave out as skipped, with the trait', async () => {
    const skipped: string[] = []
    const run = Object.assign(() => {}, { skip: (name: string) => skipped.push(name) })
    await storageSuite({
      test: { describe: (_name, body) => body(), it: run },
      factory: () => ({ open: () => memory() }),
    })
    expect(skipped.length).toBeGreaterThan(5)
    for (const name of skipped) expect(name).toMatch(/\(left out: trait (persistent|exclusion)\)$/)
  })
})

function caseNamed(name: string): StorageCase {
  const found = storageCases.find(item => item.name === name)
  if (found === undefined) throw new Error(`the suite has no case ${name}`)
  return found
}
