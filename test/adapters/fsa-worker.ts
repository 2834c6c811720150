/** A dedicated worker that runs cases of the storage suite, one for each message: the number of the case. */

import { runStorageCase, storageCases } from '../suites/index.ts'
import { allLarge, placeFor, type Tallies } from './fsa-places.ts'

/** What became of a case. */
export interface CaseAnswer {
  readonly fault?: string
  readonly tallies: Tallies
}

addEventListener('message', ({ data }: MessageEvent<number>) => {
  const tallies = { opened: 0, refused: 0 }
  run(data, tallies).then(
    () => postMessage({ tallies }),
    error =>
      postMessage({
        tallies,
        fault: error instanceof Error ? (error.stack ?? String(error)) : String(error),
      }),
  )
})

async function run(number: number, tallies: Tallies): Promise<void> {
  const item = storageCases[number]
  if (item === undefined) throw new RangeError(`no case ${number}`)
  await runStorageCase(item, () => placeFor(name => allLarge(name, tallies)))
}
