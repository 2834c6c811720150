/** The layout suite in memory, bare and wrapped, and its own test: what each wrong adapter must fail. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { brokenLayouts } from '../suites/broken/broken-layouts.ts'
import { forwarding, type LayoutCase, layoutCases, layoutSuite, runLayoutCase } from '../suites/index.ts'

const test = { describe, it }

await layoutSuite({ test, factory: () => ({ open: () => memory() }) })
await layoutSuite({ test, factory: () => ({ open: () => forwarding(memory('memory, wrapped')) }) })

describe('the layout suite', () => {
  for (const broken of brokenLayouts) {
    it(`rejects a storage that ${broken.fault}`, async () => {
      const item = caseNamed(broken.fails)
      await runLayoutCase(item, () => ({ open: () => memory() }))
      await expect(runLayoutCase(item, () => ({ open: () => broken.over(memory()) }))).rejects.toBeInstanceOf(
        Error,
      )
    })
  }

  it('has a name of its own for every case', () => {
    expect(new Set(layoutCases.map(item => item.name)).size).toBe(layoutCases.length)
  })
})

function caseNamed(name: string): LayoutCase {
  const found = layoutCases.find(item => item.name === name)
  if (found === undefined) throw new Error(`the suite has no case ${name}`)
  return found
}
