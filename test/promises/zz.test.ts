import { it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { doEverything } from './urls.ts'
it('x', async () => { await doEverything('http://127.0.0.1:9', async () => memory()) })
