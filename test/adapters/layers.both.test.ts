/** The layer suite in memory, and its own test: what each wrong adapter must fail. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { brokenLayers } from '../suites/broken/broken-layers.ts'
import { type LayerCase, layerCases, layerSuite, runLayerCase } from '../suites/index.ts'

await layerSuite({ test: { describe, it }, factory: () => ({ open: () => memory() }) })

describe('the layer suite', () => {
  for (const broken of brokenLayers) {
    it(`rejects a storage that ${broken.fault}`, async () => {
      const item = caseNamed(broken.fails)
      await runLayerCase(item, () => ({ open: () => memory() }))
      await expect(runLayerCase(item, () => ({ open: () => broken.over(memory()) }))).rejects.toBeInstanceOf(
        Error,
      )
    })
  }

  it('has a name of its own for every case', () => {
    expect(new Set(layerCases.map(item => item.name)).size).toBe(layerCases.length)
    expect(layerCases.length).toBeGreaterThanOrEqual(50)
  })
})

function caseNamed(name: string): LayerCase {
  const found = layerCases.find(item => item.name === name)
  if (found === undefined) throw new Error(`the suite has no case ${name}`)
  return found
}
