import { expect, it } from 'vitest'
import { entryFiles } from '../setup/entries.ts'
import { exportsOf, undocumented } from './docs.ts'
import { readSources } from './sources.ts'

it('every public name says in one short sentence what it is', async () => {
  const sources = await readSources(['src', 'adapters', 'test/suites'])
  expect(undocumented(sources, entryFiles)).toEqual([])
  // A worker is started, not imported: it has no names.
  const imported = entryFiles.filter(entry => !entry.endsWith('/worker.ts'))
  for (const entry of imported) expect(exportsOf(sources, entry)).not.toEqual([])
})

it('sees what is not documented, also behind a re-export', () => {
  const sources = new Map([
    ['index.ts', `export { good, type Bad as Renamed } from './deep/a.ts'\nexport * from './deep/a.ts'`],
    [
      'deep/a.ts',
      [
        '/** Good. More about it, which may be as long as it likes to be, for it is not the first sentence. */',
        'export function good(): void',
        'export function good(x?: 1): void {}',
        '// no TSDoc',
        'export interface Bad {}',
        `/** ${'Too long '.repeat(20)}. */`,
        'export const long = 1, bare = 2',
        '/** Far off. */',
        'const other = 1',
        'export class Naked {}',
      ].join('\n'),
    ],
  ])
  expect(undocumented(sources, ['index.ts', 'deep/a.ts'])).toEqual([
    'deep/a.ts: Bad has no TSDoc comment',
    'deep/a.ts: Naked has no TSDoc comment',
    'deep/a.ts: Renamed has no TSDoc comment',
    'deep/a.ts: the first sentence of bare has 181 characters',
    'deep/a.ts: the first sentence of long has 181 characters',
    'index.ts: export *',
  ])
})
