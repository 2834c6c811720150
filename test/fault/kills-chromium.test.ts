import { chromium } from '../engines/chromium.ts'
import { runKills } from './run-kills.ts'

runKills(chromium, { short: 4, long: 50 })
