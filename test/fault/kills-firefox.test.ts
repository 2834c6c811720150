import { firefox } from '../engines/firefox.ts'
import { runKills } from './run-kills.ts'

runKills(firefox, { short: 4, long: 50 })
