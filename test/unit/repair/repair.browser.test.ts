import { afterAll } from 'vitest'
import { opfs } from '../../../adapters/fsa/index.ts'
import { isLong } from '../../setup/rounds.ts'
import { combined, damages } from './damage.ts'
import { mendingTests } from './mending.ts'

const made: string[] = []
afterAll(async () => {
  const root = await navigator.storage.getDirectory()
  for (const name of made) await root.removeEntry(name, { recursive: true })
})

mendingTests('OPFS', isLong ? damages : combined, () => {
  const name = `repair-${crypto.randomUUID()}`
  made.push(name)
  return opfs(name)
})
