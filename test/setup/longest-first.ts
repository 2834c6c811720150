/** The order of test files: those that take minutes first, or one of them is left alone at the end. */

import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What drives other programs, or a medium through all of its faults; the longest first. */
const long: readonly string[] = [
  'engines/webkit',
  'engines/firefox',
  'promises/faults',
  'runtimes/runtimes',
  'browser/demo',
  'fuzz/mutations',
  'policies/policies',
  'fault/kills-firefox',
  'cli/build',
  'adapters/fsa',
]

/** Vitest goes by the size of a file, where it has not seen it before: the smallest of ours drive the most. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = long.findIndex(name => moduleId.includes(`/test/${name}`))
      return at < 0 ? long.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
