/** The tests that every medium's drill has: each order of faults, and the operations that are wrong on purpose. */

import { expect, it } from 'vitest'
import { isLong, rounds } from '../setup/rounds.ts'
import { brokenOperations } from './fault-broken.ts'
import { Drill, type DrillOptions, type FaultyMedium } from './fault-drill.ts'

const timeout = rounds({ short: 600_000, long: 1_800_000 })

/** How many attempts may hit nothing at a medium whose calls aren't the same in each run: a twentieth, or two of few. */
const misses = (attempts: number): number => Math.max(2, Math.floor(attempts / 20))

/** A test for each order; the long form takes no strides. */
export function testOrders(
  { name, isSteady = false }: FaultyMedium,
  drill: Drill,
  orders: readonly DrillOptions[],
): void {
  for (const order of orders) {
    const title = `${name}, ${order.kind} ${order.isLasting ? 'from then on' : 'once'}`
    it(`P3: ${title}: a typed error, the old state or the new one, nothing left, and a second try succeeds`, {
      timeout,
    }, async () => {
      const tally = await drill.run(title, { ...order, ...(isLong && { stride: 1 }) })
      tally.report()
      expect(drill.losses.splice(0)).toEqual([])
      const { attempts, fired } = tally
      expect(fired).toBeGreaterThanOrEqual(attempts - (isSteady ? 0 : misses(attempts)))
    })
  }
}

/** A test for each operation that is wrong on purpose; of a medium those that are about media. */
export function testBroken(medium: FaultyMedium, { patience }: Pick<DrillOptions, 'patience'> = {}): void {
  for (const { fault, run, isForMedia, ...order } of brokenOperations) {
    if (!isForMedia && medium.name !== 'memory') continue
    it(`P3: the drill sees an operation that ${fault}`, async () => {
      const broken = new Drill(medium, { [fault]: { run } })
      const title = `${medium.name}, an operation that ${fault} (broken on purpose)`
      const tally = await broken.run(title, { ...order, ...(patience && { patience }) })
      expect(tally.report().losses).toBeGreaterThan(0)
    })
  }
}

/** How many calls each operation makes, printed; gives them. */
export async function countedCalls(name: string, drill: Drill): Promise<Readonly<Record<string, number>>> {
  const calls = await drill.calls()
  const counts = Object.entries(calls).map(([operation, count]) => `${operation} ${count}`)
  console.log(`P3 calls, ${name}: ${counts.join(', ')}`)
  return calls
}
