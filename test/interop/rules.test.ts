/** docs/fsck.md says what the code says. */

import { expect, it } from 'vitest'
import { adviceFor, fsckRules } from '../../src/rules.ts'
import { expectTable } from './doc-table.ts'

it('docs/fsck.md lists every rule of fsck', async () => {
  await expectTable('docs/fsck.md', 'rules', [
    ['code', 'severity', 'meaning', 'what to do', 'clause'],
    ...fsckRules().map(({ code, severities, meaning, advice, clause }) => {
      return [`\`${code}\``, severities.join(', '), meaning, advice, clause]
    }),
  ])
})

it('each code has one line of advice, and those of a failing storage have one, too', () => {
  for (const { code, advice, severities } of fsckRules()) {
    expect(adviceFor(code)).toBe(advice)
    expect(advice).toMatch(/^[A-Z][^\n|]{5,110}\.$/)
    expect(severities.filter(each => !['error', 'warning', 'info'].includes(each))).toEqual([])
  }
  expect(adviceFor('STORAGE_FAILED')).toMatch(/storage/)
})
