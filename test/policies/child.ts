/** A process of its own that builds the image in memory and prints what came of it. */

import { memory } from 'ocidir/memory'
import { buildAndRead } from './image.ts'

console.log(JSON.stringify(await buildAndRead(memory())))
