import { expect, it } from 'vitest'
import { parseRef } from '../../../src/reference.ts'

it.each(['app', 'app:1', 'nginx:latest', 'a/b:c@d', 'reg.io/app:1', 'sha256:short', `x:${'a'.repeat(31)}`])(
  'takes %s for a tag',
  tag => {
    expect(parseRef(tag)).toEqual({ kind: 'tag', tag })
  },
)

it.each([`sha256:${'a'.repeat(64)}`, `sha512:${'0'.repeat(128)}`, `md5:${'a'.repeat(32)}`])(
  'takes %s for a digest',
  digest => {
    expect(parseRef(digest)).toEqual({ kind: 'digest', digest })
    expect(parseRef({ tag: digest })).toEqual({ kind: 'tag', tag: digest })
  },
)

it('refuses an empty reference', () => {
  expect(() => parseRef('')).toThrow(TypeError)
})
