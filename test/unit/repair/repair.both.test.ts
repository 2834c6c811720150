import { memory } from '../../../adapters/memory.ts'
import { isLong } from '../../setup/rounds.ts'
import { combined, damages } from './damage.ts'
import { mendingTests } from './mending.ts'

mendingTests('memory', isLong ? [...damages, ...combined] : combined, async () => memory())
