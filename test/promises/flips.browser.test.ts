import { it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDbPlace } from '../adapters/indexeddb-place.ts'
import { isLong } from '../setup/rounds.ts'
import { proveFlips } from './flips.ts'

const stride = isLong ? 1 : 256

it('P1: in OPFS no reader gives a blob of which a byte was flipped, cut off or added', {
  timeout: 3_600_000,
}, async () => {
  const name = `flips-${crypto.randomUUID()}`
  await proveFlips('OPFS', await opfs(name), { stride })
  await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true })
})

it('P1: in IndexedDB no reader gives a blob of which a byte was flipped, cut off or added', {
  timeout: 3_600_000,
}, async () => {
  const place = indexedDbPlace()
  const storage = await place.open()
  await proveFlips('IndexedDB', storage, { stride })
  await storage.close()
  await place.remove?.()
})
