/** docs/reliability.md: every promise has tests, and its figures are what tests that prove themselves have printed. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectTable } from '../interop/doc-table.ts'
import { readSources, top } from './sources.ts'

const document = 'docs/reliability.md'

/** The promises, as tests and tallies cite them: `it('P5: …')`, `new Tally('P5: …')`. */
const promises: Readonly<Record<string, string>> = {
  P1: 'Content is what its name says: no reader gives a whole blob that differs from its descriptor',
  P2: 'Nothing invalid is ever seen under a digest, also when the process or the browser is killed',
  P3: 'A fault at any call leaves the old state or the new one, and a second try succeeds',
  P4: 'A power loss takes nothing that was acknowledged (strict) and corrupts nothing (relaxed)',
  P5: 'No tag is lost, whoever writes at the same time',
  P6: 'No reader sees a torn index.json',
  P7: 'A blob that is there is never written again',
  P8: 'gc takes nothing that is named, without a grace time',
  P9: 'An abort ends a call soon and leaves nothing behind but what a copy goes on with; memory is bounded',
  P10: 'A full disk or quota is said, and gives back what it took',
  P11: 'No input but a digest ever becomes a path',
  P12: 'Documents are bounded, verified, unambiguous and kept byte for byte',
  P13: 'Graphs are bounded, and foreign urls are never fetched',
  P14: 'Decompression is bounded and strict, the same on every engine',
  P15: 'Tars and all other input are data: bounded, and refused with a typed error',
  P16: 'fsck finds what is broken and refuses nothing that is valid',
  P17: 'Every fault is a typed error, and nothing hangs',
  P18: 'An adapter is proven by a suite that others can run',
  P19: 'What an adapter can lose is said, and noticed when it happens',
  P20: 'It works under a strict content-security policy, without WebAssembly too',
  P21: 'What is installed is what was reviewed',
  P22: 'The same input makes the same bytes, everywhere',
}
const ids = Object.keys(promises)

it('names tests for every promise', async () => {
  const cited = new Map<string, Set<string>>()
  for (const [path, text] of await readSources(['test'])) {
    for (const [, list = ''] of text.matchAll(/['"`](P\d+(?:, P\d+)*): /g)) {
      for (const id of list.split(', ')) cited.set(id, (cited.get(id) ?? new Set()).add(path))
    }
  }
  expect([...cited.keys()].filter(id => !ids.includes(id))).toEqual([])
  expect(ids.filter(id => !cited.has(id))).toEqual([])
  const rows = ids.map(id => [
    id,
    promises[id] ?? '',
    [...(cited.get(id) ?? [])]
      .sort()
      .filter(path => path !== 'test/house/reliability.test.ts')
      .map(path => `\`${path.slice('test/'.length)}\``)
      .join(', '),
  ])
  await expectTable(document, 'promises', [['', 'promise', 'tests, in `test/`'], ...rows])
})

it('has figures in which faults fired, nothing was lost, and every broken variant lost', async () => {
  const text = await readFile(join(top, document), 'utf8')
  const rows = [...text.matchAll(/^\| (P\d+) +\| (.+?) +\| (\d+) +\| (\d+) +\| (\d+) +\| (.+?) +\|$/gm)]
  const broken = rows.filter(([, , what]) => what?.endsWith('(broken on purpose)'))
  console.log(`reliability: ${rows.length} figures, ${broken.length} of them of variants broken on purpose`)
  expect(rows.length).toBeGreaterThan(30)
  expect(broken.length).toBeGreaterThan(10)
  expect(rows.filter(([, , , , fired]) => Number(fired) === 0)).toEqual([])
  const wrong = rows.filter(([, , what = '', , , lost]) => {
    return (
      !what.endsWith('lost by the engine itself') && Number(lost) > 0 !== what.endsWith('(broken on purpose)')
    )
  })
  expect(wrong.map(([row]) => row)).toEqual([])
  // Each says of which commit it is, with what seed, and of what day.
  expect(rows.filter(([, , , , , , run]) => !/^[0-9a-f]{10}, \d+, \d{4}-\d\d-\d\d$/.test(run ?? ''))).toEqual(
    [],
  )
})

/** What the long forms must come to at the least: rows by their name, how many of them, and the attempts of each. */
const least: readonly (readonly [row: RegExp, count: number, attempts: number])[] = [
  [/^kill -9 at work on a layout$/, 1, 1_000],
  [/^(Chromium|Firefox), 50 kills, OPFS /, 6, 50],
  [/^(Chromium|Firefox), 50 kills, IndexedDB: what is there and not whole$/, 2, 50],
  [/^node, (error|denied) (once|from then on)$/, 3, 3_000],
  [/^node, hang (once|from then on)$/, 2, 1_900],
  [/^opfs, (error|hang) (once|from then on)$/, 4, 1_900],
  [/^power loss, (strict|relaxed)$/, 2, 100_000],
  [/^100 x 100 updates by \d+ processes and \d+ threads$/, 1, 10_000],
  [/^1 x 2000 updates by \d+ processes and \d+ threads$/, 1, 2_000],
  [/^reads of another process beside 100 x 100 updates /, 1, 100_000],
  [/^reads of index\.json beside writes, (memory|folder|OPFS|IndexedDB)$/, 4, 100_000],
  [/^16 writers .*beside gc, 1000 rounds (in memory|on one folder, relaxed)$/, 2, 1_000],
  [/^(OPFS by createWritable|IndexedDB) at 100 quotas: \w+$/, 12, 100],
  [/^(json|tar|archive|gzip|zstd|references)$/, 6, 1_000_000],
  [/^tar against tarfile$/, 1, 100_000],
]

it('has figures of the long forms', async () => {
  const text = await readFile(join(top, document), 'utf8')
  const rows = [...text.matchAll(/^\| P\d+ +\| (.+?) +\| (\d+) +\| \d+ +\| \d+ +\|/gm)]
  for (const [name, count, attempts] of least) {
    const found = rows.filter(([, what = '']) => name.test(what))
    expect(found.length, String(name)).toBeGreaterThanOrEqual(count)
    for (const [row, , made] of found) expect(Number(made), row).toBeGreaterThanOrEqual(attempts)
  }
})
