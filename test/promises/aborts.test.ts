import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { abortAt, calls } from './aborts.ts'

async function make() {
  const path = await mkdtemp(join(tmpdir(), 'ocidir-aborts-'))
  return { storage: folder(path), remove: () => rm(path, { recursive: true }) }
}

for (const [name, call] of Object.entries(calls)) {
  it(`P9: ${name} ends with the signal's reason and leaves nothing, in a folder`, async () => {
    const { attempts, fired, wrong, leftovers, slowest } = await abortAt(make, { name, call, chunks: 5 })
    console.log(`P9 ${name}: ${attempts} attempts, ${fired} aborts fired, slowest ${slowest.toFixed(0)} ms`)
    expect(fired).toBeGreaterThan(2)
    expect(wrong).toEqual([])
    expect(leftovers).toEqual([])
  })
}
