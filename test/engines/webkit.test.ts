import { runSuites } from './run-suites.ts'
import { webkit } from './webkit.ts'

runSuites(webkit)
