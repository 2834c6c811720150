import { describe, expect, it } from 'vitest'
import { suggestion } from '../../cli/args.ts'
import { jsonLine, jsonText } from '../../cli/json.ts'
import { formatBytes, painter, printable } from '../../cli/text.ts'

describe('text for a terminal', () => {
  it('escapes all that a terminal obeys and nothing else', () => {
    expect(printable('a\x1b[31m\x07\n\x7f\x9b\u202eb\u2028')).toBe(
      'a\\x1b[31m\\x07\\n\\x7f\\x9b\\u{202e}b\\u{2028}',
    )
    expect(printable('naïve-日本 👩‍🚀 \\')).toBe('naïve-日本 👩‍🚀 \\')
    expect(printable('\ud800x')).toBe('\\u{d800}x')
  })

  it('is painted on a terminal only, and never under NO_COLOR', () => {
    expect(painter(true, {})('red', 'x')).toBe('\x1b[31mx\x1b[39m')
    expect(painter(true, { NO_COLOR: '1' })('red', 'x')).toBe('x')
    expect(painter(true, { NO_COLOR: '' })('red', 'x')).toBe('\x1b[31mx\x1b[39m')
    expect(painter(true, { TERM: 'dumb' })('red', 'x')).toBe('x')
    expect(painter(false, {})('red', 'x')).toBe('x')
  })

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1_994_000, '2.0 MB'],
    [3e15, '3.0 PB'],
    [3e18, '3000.0 PB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('JSON output', () => {
  const value = {
    a: [],
    b: {},
    c: [1, { d: null, gone: undefined }],
    e: 9007199254740993n,
    'f\x9b': '\x7f\u202e\n"',
  }

  it('keeps integers exact, leaves undefined out, and holds no control character', () => {
    const text = jsonText(value)
    expect(text).toContain('"e": 9007199254740993')
    expect(text).not.toContain('gone')
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
    const { e, ...rest } = JSON.parse(text)
    expect(rest).toEqual({ a: [], b: {}, c: [1, { d: null }], 'f\x9b': '\x7f\u202e\n"' })
  })

  it('gives a row a line', () => {
    expect(jsonLine({ path: 'a\nb\x9b' })).toBe('{"path":"a\\nb\\u009b"}')
  })
})

describe('a suggestion', () => {
  it.each([
    ['fsk', '; did you mean fsck?'],
    ['tgas', '; did you mean tags?'],
    ['tag', '; did you mean tag?'],
    ['buidl', '; did you mean build?'],
    ['buid', '; did you mean build?'],
    ['inspekt', '; did you mean inspect?'],
    ['zzz', ''],
  ])('for %s is %j', (word, text) => {
    expect(suggestion(word, ['build', 'fsck', 'tag', 'tags', 'inspect'])).toBe(text)
  })
})
