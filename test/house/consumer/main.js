// The script in Node.
import { build } from './sample.js'

process.stdout.write(JSON.stringify(await build()))
