/** What crashed writers left in a database. */

import { promisifyRequest } from 'idb-keyval'
import { chunksOfSet, type StagedRecord } from './records.ts'

/** Removes sets that nobody has written to since a time, and those that nothing leads to. Gives their number. */
export async function sweepIn(transaction: IDBTransaction, before: number): Promise<number> {
  const staged = transaction.objectStore('staged')
  const chunks = transaction.objectStore('chunks')
  const left = [...(await oldSets(staged, before)), ...(await strandedSets(transaction))]
  for (const set of left) {
    staged.delete(set)
    chunks.delete(chunksOfSet(set))
  }
  return left.length
}

async function oldSets(staged: IDBObjectStore, before: number): Promise<readonly string[]> {
  const sets = await promisifyRequest(staged.getAllKeys())
  const records = await promisifyRequest<StagedRecord[]>(staged.getAll())
  return sets.flatMap((set, i) => ((records[i]?.modified ?? 0) <= before ? [String(set)] : []))
}

/**
 * Sets that are neither staged nor a blob's. No transaction of ours leaves one, whatever its age; a browser that
 * recovers a broken database may.
 */
async function strandedSets(transaction: IDBTransaction): Promise<readonly string[]> {
  const sets: string[] = []
  for (const set of await setsIn(transaction.objectStore('chunks'))) {
    // Asked for before one is waited for: where the second can't be made, nobody would hear of the first.
    const asked = [
      transaction.objectStore('staged').getKey(set),
      transaction.objectStore('files').index('set').getKey(set),
    ]
    const owner = await Promise.all(asked.map(request => promisifyRequest(request)))
    if (owner.every(key => key === undefined)) sets.push(set)
  }
  return sets
}

/** Each set once: the cursor leaps over its chunks. */
async function setsIn(chunks: IDBObjectStore): Promise<readonly string[]> {
  const sets: string[] = []
  const request = chunks.openKeyCursor()
  for (let cursor = await promisifyRequest(request); cursor; cursor = await promisifyRequest(request)) {
    const set = Array.isArray(cursor.key) ? String(cursor.key[0]) : ''
    sets.push(set)
    cursor.continue([set, []])
  }
  return sets
}
