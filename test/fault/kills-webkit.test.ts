import { webkit } from '../engines/webkit.ts'
import { runKills } from './run-kills.ts'

runKills(webkit, { short: 2, long: 20, hasSyncHandles: false })
