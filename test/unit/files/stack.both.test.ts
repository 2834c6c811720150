import { describe, expect, it } from 'vitest'
import { isOciError } from '../../../src/errors.ts'
import { type Line, show, stack, utf8 } from './samples.ts'

const shown = async (...layers: readonly (readonly Line[])[]): Promise<string[]> => show(await stack(layers))

async function refusal(...layers: readonly (readonly Line[])[]): Promise<unknown> {
  return stack(layers).then(
    () => 'accepted',
    error => (isOciError(error) ? error.code : error),
  )
}

describe('whiteouts (layer.md, T5)', () => {
  it('T5: hide a file of the layers below and are hidden themselves', async () => {
    expect(await shown(['a=1', 'b=2'], ['.wh.a'])).toEqual(['b=2'])
  })

  it('hide a folder and all below it', async () => {
    expect(await shown(['d/', 'd/e/', 'd/e/f=1', 'x=2'], ['.wh.d'])).toEqual(['x=2'])
  })

  it('hide only the name they name', async () => {
    expect(await shown(['d/', 'd/a=1', 'd/ab=2', 'a=3'], ['d/.wh.a'])).toEqual(['a=3', 'd/', 'd/ab=2'])
  })

  it.each([
    ['before', ['.wh.a', 'a=new']],
    ['after', ['a=new', '.wh.a']],
  ])('never hide an entry of their own layer that stands %s them', async (_, layer) => {
    expect(await shown(['a=old'], layer)).toEqual(['a=new'])
  })

  it.each([
    ['before', ['.wh.d', 'd/', 'd/new=2']],
    ['after', ['d/', 'd/new=2', '.wh.d']],
  ])('hide what a folder had when it is made anew in the same layer, %s', async (_, layer) => {
    expect(await shown(['d/', 'd/old=1'], layer)).toEqual(['d/', 'd/new=2'])
  })

  it('hide below a folder that the same layer has no entry for', async () => {
    expect(await shown(['d/', 'd/old=1'], ['.wh.d', 'd/new=2'])).toEqual(['d/ (implicit)', 'd/new=2'])
  })

  it('that hide nothing change nothing, and make no folder', async () => {
    expect(await shown(['a=1'], ['.wh.b', 'no/such/.wh.c', 'a/.wh.b'])).toEqual(['a=1'])
  })

  it('do not reach through a file or a symlink', async () => {
    expect(await shown(['d/', 'd/a=1', 'l -> d'], ['l/.wh.a'])).toEqual(['d/', 'd/a=1', 'l -> d'])
  })

  it('of a lower layer leave what a higher one brings back', async () => {
    expect(await shown(['a=1'], ['.wh.a'], ['a=3'])).toEqual(['a=3'])
  })

  it('in the base layer hide nothing', async () => {
    expect(await shown(['.wh.a', 'a=1'])).toEqual(['a=1'])
  })

  it.each(['.wh.', 'd/.wh.', '.wh..', '.wh...', '.wh.d/x=1'])(
    'that hide nothing nameable are refused: %s',
    async bad => {
      expect(await refusal(['d/'], [bad])).toBe('TAR_INVALID')
    },
  )

  it.each(['.wh..wh.plnk/', '.wh..wh.plnk/12.34=x', '.wh..wh.aufs=', 'd/.wh..wh.orph/'])(
    'of AUFS are ignored: %s',
    async meta => {
      expect(await shown(['d/', 'a=1'], [meta])).toEqual(['a=1', 'd/'])
    },
  )

  it('of AUFS still give hard links their bytes', async () => {
    const layer = ['.wh..wh.plnk/', '.wh..wh.plnk/12.34=shared', 'a => .wh..wh.plnk/12.34']
    expect(await shown(layer)).toEqual(['a => .wh..wh.plnk/12.34=shared'])
  })
})

describe('opaque whiteouts', () => {
  it.each([
    ['first', ['d/', 'd/.wh..wh..opq', 'd/new=2']],
    ['last', ['d/', 'd/new=2', 'd/.wh..wh..opq']],
    ['before its folder', ['d/.wh..wh..opq', 'd/new=2', 'd/']],
  ])('hide all that layers below have in their folder: %s', async (_, layer) => {
    expect(await shown(['d/', 'd/a=1', 'd/e/', 'd/e/f=1', 'x=1'], layer)).toEqual(['d/', 'd/new=2', 'x=1'])
  })

  it('keep the folder, without an entry of its own too', async () => {
    expect(await shown(['d/', 'd/a=1'], ['d/.wh..wh..opq'])).toEqual(['d/'])
  })

  it('at the root hide every layer below', async () => {
    expect(await shown(['d/', 'd/a=1'], ['.wh..wh..opq', 'b=2'])).toEqual(['b=2'])
  })

  it('leave subfolders that the same layer makes, without what they had', async () => {
    const upper = ['d/', 'd/.wh..wh..opq', 'd/e/', 'd/e/new=2']
    expect(await shown(['d/', 'd/e/', 'd/e/old=1'], upper)).toEqual(['d/', 'd/e/', 'd/e/new=2'])
  })
})

describe('what stands on what (T4)', () => {
  it('T4: a folder on a folder replaces its attributes and keeps what is below', async () => {
    const tree = await stack([['d/', 'd/a=1'], [{ line: 'd/', mode: 0o700, uid: 5, mtime: 7 }]])
    expect(tree.find('d')).toMatchObject({ mode: 0o700, uid: 5, mtime: 7, layer: 1 })
    expect(await show(tree)).toEqual(['d/', 'd/a=1'])
  })

  it.each([
    ['a file', 'd=new'],
    ['a symlink', 'd -> a'],
    ['a hard link', 'd => a=1'],
  ])('%s on a folder removes it and all below', async (_, line) => {
    const layer = line.replace(/(=> a)=1/, '$1')
    expect(await shown(['a=1', 'd/', 'd/x=1'], [layer])).toEqual(['a=1', line])
  })

  it.each([
    ['a file', 'd=1'],
    ['a symlink', 'd -> e'],
  ])('a folder on %s replaces it', async (_, line) => {
    expect(await shown(['e/', line], ['d/', 'd/x=2'])).toEqual(['d/', 'd/x=2', 'e/'])
  })

  it('a file on a file replaces it whole', async () => {
    const tree = await stack([[{ line: 'a=old', xattrs: new Map([['user.k', utf8('v')]]) }], ['a=new']])
    expect(tree.find('a')?.xattrs.size).toBe(0)
    expect(await show(tree)).toEqual(['a=new'])
  })

  it('T1: of two entries of one path in a layer the last counts', async () => {
    expect(await shown(['a=1', 'd/', 'd/x=1', 'a=2', 'd/'])).toEqual(['a=2', 'd/', 'd/x=1'])
    expect(await shown(['d/', 'd/x=1', 'd=now'])).toEqual(['d=now'])
  })

  it('a folder that was something else before in its own layer shows nothing of the layers below', async () => {
    expect(await shown(['d/', 'd/x=1'], ['d=file', 'd/', 'd/y=2'])).toEqual(['d/', 'd/y=2'])
  })

  it('parents without an entry are implicit folders, until one comes', async () => {
    expect(await shown(['a/b/c=1'])).toEqual(['a/ (implicit)', 'a/b/ (implicit)', 'a/b/c=1'])
    expect(await shown(['a/b/c=1'], ['a/b/'])).toEqual(['a/ (implicit)', 'a/b/', 'a/b/c=1'])
    expect(await shown(['a/b/c=1', 'a/b/'])).toEqual(['a/ (implicit)', 'a/b/', 'a/b/c=1'])
  })

  it('an implicit parent leaves a folder below it as it was', async () => {
    const tree = await stack([[{ line: 'd/', mode: 0o700 }], ['d/x=1']])
    expect(tree.find('d')).toMatchObject({ mode: 0o700, implicit: false, layer: 0 })
  })

  it('a file on the way to an entry becomes a folder', async () => {
    expect(await shown(['f=1', 'f/x=2'])).toEqual(['f/ (implicit)', 'f/x=2'])
    expect(await shown(['f=1'], ['f/x=2'])).toEqual(['f/ (implicit)', 'f/x=2'])
  })

  it('a symlink on the way to an entry is not followed but becomes a folder', async () => {
    expect(await shown(['usr/lib/', 'lib -> usr/lib'], ['lib/x=1'])).toEqual([
      'lib/ (implicit)',
      'lib/x=1',
      'usr/ (implicit)',
      'usr/lib/',
    ])
  })

  it('an image without layers has no files', async () => {
    const tree = await stack([])
    expect([tree.size, tree.layers, tree.find('')?.type]).toEqual([0, [], 'directory'])
  })
})

describe('paths', () => {
  it.each(['a/b=1', './a/b=1', '/a/b=1', 'a//b=1', './/a/./b=1', 'x/../a/b=1'])('%s is a/b', async line => {
    expect(await shown([line])).toEqual(['a/ (implicit)', 'a/b=1'])
  })

  it('meet across layers however they are written', async () => {
    expect(await shown(['./a/', './a/b=1', './c=1'], ['/a/.wh.b', 'c=2'])).toEqual(['a/', 'c=2'])
  })

  it.each(['../a=1', 'a/../../b=1', '/../a=1', '..', 'a/../..'])('%s is refused', async line => {
    expect(await refusal([line])).toBe('TAR_INVALID')
  })

  it('the root keeps its attributes and is not listed', async () => {
    const tree = await stack([[{ line: './', mode: 0o700, uid: 3 }, 'a=1'], ['b=1']])
    expect(tree.find('')).toMatchObject({ path: '', type: 'directory', mode: 0o700, uid: 3, layer: 0 })
    expect(tree.find('/')).toBe(tree.find(''))
    expect(await show(tree)).toEqual(['a=1', 'b=1'])
  })

  it('a root that is no folder is refused', async () => {
    expect(await refusal(['./.=1'])).toBe('TAR_INVALID')
  })

  it('are listed in the order of their bytes, not folder by folder', async () => {
    const paths = ['a/', 'a/x=', 'a-b=', 'a.b=', 'ab=', '\u{1f600}=', '\uffee=', 'é=']
    expect(await shown(paths)).toEqual(['a/', 'a-b=', 'a.b=', 'a/x=', 'ab=', 'é=', '\uffee=', '\u{1f600}='])
  })

  it('that are not UTF-8 stay apart, are found by their bytes and hidden by them', async () => {
    const name = (byte: number): Uint8Array => Uint8Array.of(0x78, byte)
    const lower: Line[] = [
      { line: 'x=1', path: name(0xe9) },
      { line: 'x=2', path: name(0xe8) },
    ]
    const hide: Line = { line: 'x', path: Uint8Array.of(...utf8('.wh.'), ...name(0xe9)) }
    const both = await stack([lower])
    expect(both.size).toBe(2)
    expect(both.find(name(0xe9))).toMatchObject({ path: 'x\ufffd', rawPath: name(0xe9) })
    expect(new TextDecoder().decode(await both.bytes(name(0xe8)))).toBe('2')
    const one = await stack([lower, [hide]])
    expect(Array.from(one.entries(), ({ rawPath }) => rawPath)).toEqual([name(0xe8)])
  })

  it('of hidden depth or length are refused before they take memory', async () => {
    const refused = await stack([[`${'d/'.repeat(3000)}f=1`]]).catch(error => error)
    expect(isOciError(refused, 'LIMIT_EXCEEDED') && refused.data.limit).toBe('maxPathSize')
    const deep = Array.from({ length: 50 }, (_, i) => `${i}/${'d/'.repeat(100)}f=1`)
    const large = await stack([deep], { limits: { maxTreeSize: 1 << 20 } }).catch(error => error)
    expect(isOciError(large, 'LIMIT_EXCEEDED') && large.data.limit).toBe('maxTreeSize')
    expect((await stack([deep])).size).toBe(50 * 102)
  })
})

describe('hard links', () => {
  it('have the bytes, size and digest of their target', async () => {
    const tree = await stack([['a=text', 'b => a']], { digests: true })
    expect(tree.find('b')).toMatchObject({ type: 'hardlink', linkname: 'a', size: 4 })
    expect(tree.find('b')?.sha256).toBe(tree.find('a')?.sha256)
    expect(tree.find('a')?.sha256).toBe('982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1')
    expect(await show(tree)).toEqual(['a=text', 'b => a=text'])
  })

  it.each(['./d/a', '/d/a', 'd//a'])('name %s from the root, shown as d/a', async target => {
    expect(await shown(['d/', 'd/a=1', `b => ${target}`])).toEqual(['b => d/a=1', 'd/', 'd/a=1'])
  })

  it('keep their bytes when the target is removed above', async () => {
    expect(await shown(['a=1', 'b => a'], ['.wh.a'])).toEqual(['b => a=1'])
  })

  it('keep their bytes when the target is replaced above', async () => {
    expect(await shown(['a=1', 'b => a'], ['a=2'])).toEqual(['a=2', 'b => a=1'])
    expect(await shown(['a=1', 'b => a'], ['a/'])).toEqual(['a/', 'b => a=1'])
  })

  it('reach targets in layers below, also ones that their own layer hides or replaces later', async () => {
    expect(await shown(['a=1'], ['b => a'])).toEqual(['a=1', 'b => a=1'])
    expect(await shown(['a=1'], ['b => a', '.wh.a'])).toEqual(['b => a=1'])
    expect(await shown(['a=1'], ['b => a', 'a=2'])).toEqual(['a=2', 'b => a=1'])
    expect(await shown(['a=1'], ['a=2', 'b => a'])).toEqual(['a=2', 'b => a=2'])
  })

  it('of hard links lead to the file, over layers', async () => {
    expect(await shown(['a=1', 'b => a'], ['c => b', '.wh.a'], ['d => c', '.wh.b'])).toEqual([
      'c => b=1',
      'd => c=1',
    ])
  })

  it('to what comes later in the tar are found at its end', async () => {
    expect(await shown(['c => b', 'b => a', 'a=1'])).toEqual(['a=1', 'b => a=1', 'c => b=1'])
  })

  it('to what comes later leave what has taken their path', async () => {
    expect(await shown(['b => a', 'b=file', 'a=1'])).toEqual(['a=1', 'b=file'])
  })

  it.each(['b => nowhere', 'b => b', 'b => ../a', 'b => d'])(
    'that lead to no file are shown: %s',
    async line => {
      const tree = await stack([['d/', line]])
      expect(tree.find('b')).toMatchObject({ type: 'hardlink', size: 0 })
      expect(() => tree.stream('b')).toThrow('no file')
    },
  )

  it('in a circle end', async () => {
    const tree = await stack([['a => b', 'b => a']])
    expect(tree.find('a')?.original).toBeUndefined()
  })

  it('to a symlink or a device keep what it is', async () => {
    const tree = await stack([['t=1', 'l -> t', 'h => l']])
    expect(tree.find('h')?.original).toMatchObject({ type: 'symlink', linkname: 't' })
    expect(new TextDecoder().decode(await tree.bytes('h'))).toBe('1')
  })
})
