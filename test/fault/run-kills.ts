/** The tests of an engine that is killed. A kill of the process leaves what the system had taken: it is no power loss. */

import { beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../engines/engine.ts'
import { prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith } from '../setup/tools.ts'
import { type MediumName, media, type StraightWay, straightWays } from './kill-media.ts'
import type { Sum, Sums } from './kill-watch.ts'
import { killAgainAndAgain } from './kills.ts'

/** How often an engine is killed, in CI and before a release. */
export interface KillNumbers {
  readonly short: number
  readonly long: number
  /** WebKitGTK has the method and never gives one. */
  readonly hasSyncHandles?: boolean
}

/** Registers the tests. */
export function runKills(engine: Engine, { hasSyncHandles = true, ...numbers }: KillNumbers): void {
  const kills = rounds(numbers)
  describeWith(engine.tools, `${engine.name}, killed ${kills} times`, () => {
    let sums: Sums
    beforeAll(
      async () => {
        const random = prng(seed)
        const began = performance.now()
        sums = await killAgainAndAgain(engine, { kills, below: end => random() % end })
        console.log(`${engine.name}: seed ${seed}, ${Math.round((performance.now() - began) / 1000)} s`)
      },
      120_000 + kills * 60_000,
    )

    const tallyOf = (name: string, { kills, atWork }: Sum, losses: number): Tally => {
      const tally = new Tally(name)
      return Object.assign(tally, { attempts: kills, fired: atWork, losses }).report()
    }
    const inOpfs = (Object.keys(media) as MediumName[]).filter(name => name !== 'IndexedDB')

    it.each(inOpfs)('P2: keeps all that was acknowledged, and nothing partial, in %s', name => {
      const sum = sums.media[name]
      say(`${engine.name}, ${name}`, sum)
      const losses = sum.lost.length + sum.wrong.length
      tallyOf(`P2: ${engine.name}, ${kills} kills, ${name}`, sum, losses)
      expect([...sum.lost, ...sum.wrong]).toEqual([])
    })

    it.each(['OPFS by the worker of sync handles', 'OPFS inside a worker'] as const)(
      'writes by sync handles, where there are any, in %s',
      name => {
        const { bySyncHandle } = sums.media[name]
        console.log(`${engine.name}, ${name}: told ${bySyncHandle} times that a sync handle was written`)
        if (hasSyncHandles) expect(bySyncHandle).toBeGreaterThan(0)
        else expect(bySyncHandle).toBe(0)
      },
    )

    describe('in IndexedDB', () => {
      it('P2: leaves nothing that is not whole', () => {
        const sum = sums.media.IndexedDB
        say(`${engine.name}, IndexedDB`, sum)
        tallyOf(
          `P2: ${engine.name}, ${kills} kills, IndexedDB: what is there and not whole`,
          sum,
          sum.wrong.length,
        )
        expect(sum.wrong).toEqual([])
      })

      it('P19: counts what the engine itself loses, and tells of each lost database at open', () => {
        const { IndexedDB: sum } = sums.media
        const title = `P19: ${engine.name}, ${kills} kills, IndexedDB`
        tallyOf(`${title}: acknowledged, and lost by the engine itself`, sum, sum.lost.length)
        // A database that is there without its last transactions looks as if they never were: nobody can tell of that.
        tallyOf(
          `${title}: with a part that is gone, which nobody can notice, lost by the engine itself`,
          sum,
          sum.partly,
        )
        // One more is lost on purpose, for an engine may lose none.
        const untold = sum.emptied - sum.emptiedAndTold + (sums.isLossTold ? 0 : 1)
        const losses = { ...sum, kills: sum.emptied + 1, atWork: sum.emptied + 1 }
        expect(tallyOf(`${title}: whole databases lost and untold at open`, losses, untold).losses).toBe(0)
      })
    })

    it.each(Object.keys(straightWays) as StraightWay[])('P2: shows partial bytes by %s', way => {
      const sum = sums.straight[way]
      // The day that it gives them, this is to be tested there, too.
      if (straightWays[way].inWorker && !hasSyncHandles) return expect(sum.acknowledged).toBe(0)
      tallyOf(`P2: ${engine.name}, ${kills} kills, ${way} (broken on purpose)`, sum, sum.wrong.length)
      expect(sum.wrong.length).toBeGreaterThan(0)
    })
  })
}

function say(name: string, sum: Sum): void {
  const { acknowledged, swept, emptied, emptiedAndTold, partly, lost } = sum
  console.log(
    `${name}: ${acknowledged} acknowledged, ${lost.length} of them lost, ` +
      `${swept} leftovers swept, ${emptied} times all lost, told ${emptiedAndTold} times, ${partly} times a part`,
  )
}
