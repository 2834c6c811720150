import { memory } from '../../../adapters/memory.ts'
import { mendingTests } from './mending.ts'

mendingTests('memory', async () => memory())
