import { firefox } from './firefox.ts'
import { runSuites } from './run-suites.ts'

runSuites(firefox)
