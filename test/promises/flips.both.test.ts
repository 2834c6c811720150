import { it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { isLong } from '../setup/rounds.ts'
import { proveFlips } from './flips.ts'

// Every byte where it is asked for; a reader that fails for one byte of 32 verifies all that it reads.
const stride = isLong ? 1 : 32

it(
  'P1: in memory no reader gives a blob of which a byte was flipped, cut off or added',
  {
    timeout: 900_000,
  },
  () => proveFlips('memory', memory(), { stride }),
)
