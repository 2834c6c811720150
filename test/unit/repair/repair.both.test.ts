import { memory } from '../../../adapters/memory.ts'
import { combined, damages } from './damage.ts'
import { mendingTests } from './mending.ts'

mendingTests('memory', [...damages, ...combined], async () => memory())
