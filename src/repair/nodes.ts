/** What index.json reaches, as far as it can be read, faults passed over. */

import { parseBounded } from '../document.ts'
import { indexJsonOptions, readDocument, readRootFile } from '../layout.ts'
import type { JsonObject } from '../spec.ts'
import { isTooDeep, type Node, walk } from '../walk.ts'
import { unlessFaulty, type Work } from './work.ts'

/** Every node that can be read of; nothing at all where index.json can't. */
export async function* nodesOf(work: Work): AsyncGenerator<Node> {
  const { layout } = work
  const index = await unlessFaulty(lenientIndex(work))
  if (index === undefined) return
  const { limits } = layout.engine
  // As fsck does: what is too deep isn't entered, and the walk goes on behind it.
  const read = async (node: Node): Promise<JsonObject | undefined> =>
    isTooDeep(node, limits)
      ? undefined
      : (await unlessFaulty(readDocument(layout, node.descriptor, work)))?.value
  const nodes = walk(index, { limits, read })
  for (;;) {
    const next = await unlessFaulty(nodes.next())
    if (next === undefined || next.done) return
    yield next.value
  }
}

async function lenientIndex(work: Work): Promise<JsonObject | undefined> {
  const bytes = await readRootFile(work.layout, 'index.json', work)
  return bytes && parseBounded(bytes, indexJsonOptions(work.layout.engine))
}
