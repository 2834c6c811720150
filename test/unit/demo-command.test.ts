/** The page's command line, judged by a shell and by the command's own reading of arguments. */

import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commandOf, quote } from '../../demo/command.ts'
import type { Recipe } from '../../demo/worker/protocol.ts'

const plain: Recipe = {
  tag: 'app:1',
  destination: 'app',
  platform: 'linux/amd64',
  entrypoint: [],
  cmd: [],
  env: [],
  workdir: '',
  compression: 'gzip',
  level: 6,
  created: '2026-01-31T12:00:00Z',
  epoch: 1769860800,
  executables: [],
}

describe.skipIf(process.platform === 'win32')('the command line of the page', () => {
  it('says no more than is needed', () => {
    expect(commandOf(plain, { kind: 'folder', path: './site' })).toBe(
      [
        'SOURCE_DATE_EPOCH=1769860800 ocidir build layout:app:1',
        '--layer ./site:/app',
        '--platform linux/amd64',
        '--created 2026-01-31T12:00:00Z',
      ].join(' \\\n  '),
    )
  })

  it('leaves the destination off a tar, which has its own paths', () => {
    expect(wordsOf(plain, './layer.tar')).toContain('./layer.tar')
    expect(wordsOf(plain, './layer.tar').join(' ')).not.toContain('/app')
  })

  it('gets every hostile text through a shell unchanged', () => {
    const hostile = [
      "a'b",
      '$(touch /tmp/owned)',
      '`id`',
      'a b\tc',
      '"; rm -rf x',
      '\\',
      '*',
      '~',
      '!!',
      'ü €',
      '',
    ]
    for (const text of hostile) expect(throughShell(`printf %s ${quote(text)}`)).toBe(text)
    const env = hostile.map((text, i) => `NAME${i}=${text}`)
    const words = wordsOf({ ...plain, env, tag: "it's:1" }, "./it's here")
    expect(words.filter(word => word.startsWith('NAME'))).toEqual(env)
    expect(words).toContain("layout:it's:1")
    expect(words).toContain("./it's here:/app")
  })

  it('joins what begins with a dash, and makes an array of what begins with a bracket', () => {
    const words = wordsOf({ ...plain, entrypoint: ['/run', '[x]'], cmd: ['-v', 'all'] }, './site')
    expect(words).toContain('["/run","[x]"]')
    expect(words).toContain('--cmd=-v')
    expect(words.filter(word => word === '--cmd')).toHaveLength(1)
  })

  it('names compression and level where they are not the default', () => {
    expect(wordsOf({ ...plain, level: 1 }, './site')).toContain('--level')
    const none = wordsOf({ ...plain, compression: 'none', level: 1 }, './site')
    expect(none).toContain('none')
    expect(none).not.toContain('--level')
  })
})

/** The words that the command would be started with. */
function wordsOf(recipe: Recipe, path: string): string[] {
  const kind = path.endsWith('.tar') ? 'tar' : 'folder'
  const line = commandOf(recipe, { kind, path }).replace(/^SOURCE_DATE_EPOCH=\d+ ocidir/, 'printf "%s\\0"')
  return throughShell(line).split('\0').slice(0, -1)
}

function throughShell(line: string): string {
  return execFileSync('sh', ['-c', line], { encoding: 'utf8' })
}
