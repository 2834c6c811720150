import { describe, expect, it } from 'vitest'
import { canonicalBytes, canonicalJson } from '../../../src/canonical-json.ts'
import { isOciError } from '../../../src/errors.ts'
import { parseJson, parseJsonObject } from '../../../src/json.ts'
import { parsePlain } from '../../../src/plain-json.ts'
import { lots } from '../../suites/seeded-bytes.ts'

const parse = (text: string, maxDepth?: number): unknown =>
  parseJson(new TextEncoder().encode(text), { where: 'test', ...(maxDepth && { maxDepth }) })

describe('JSON that believes nothing (J1, P12)', () => {
  it('reads what JSON.parse reads', () => {
    const texts = [
      'null',
      ' [1,-2.5e3,"a\\u00e9\\n\\"",true,false,{"a":{}}] ',
      '{"":0,"a b":[[],{}]}',
      '"\\ud83d\\ude00"',
      '-0',
    ]
    for (const text of texts) expect(parse(text)).toEqual(JSON.parse(text))
  })

  it('refuses everything that JSON.parse refuses', () => {
    const texts = [
      '',
      ' ',
      '{',
      '[1,]',
      '{"a":1,}',
      '{a:1}',
      "'a'",
      '01',
      '1.',
      '.5',
      '+1',
      '1e',
      'nul',
      'NaN',
      'Infinity',
      '"\n"',
      '"\\x"',
      '"abc',
      '"\\',
      '[1 2]',
      '{"a" 1}',
      '{"a":}',
      '1 2',
      '[]]',
      '\u00a01',
      '"\\u12g4"',
      '-',
      '--1',
      '{"a":1 "b":2}',
    ]
    for (const text of texts) {
      expect(() => JSON.parse(text), text).toThrow()
      expect(() => parse(text), text).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
    }
  })

  it('J1: refuses a key that stands twice, at any depth and however it is escaped', () => {
    for (const text of ['{"a":1,"a":1}', '[{"x":{"\\u0061":1,"a":2}}]', '{"__proto__":1,"__proto__":2}']) {
      expect(() => parse(text), text).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
    }
  })

  it('keeps integers beyond 2^53 exactly, and writes them back digit by digit', () => {
    const text = '{"big":9007199254740993,"neg":-12345678901234567890,"safe":9007199254740991}'
    const value = parse(text)
    expect(value).toEqual({ big: 9007199254740993n, neg: -12345678901234567890n, safe: 9007199254740991 })
    expect(canonicalJson(value)).toBe(text)
  })

  it('J1: refuses a number that no double can hold', () => {
    expect(() => parse('1e400')).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
  })

  it('keeps __proto__ as a field and changes no prototype, also through a spread', () => {
    const value = parseJsonObject(
      new TextEncoder().encode('{"__proto__":{"polluted":1},"a":{"__proto__":null}}'),
      { where: 't' },
    )
    const copy = { ...value }
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect('polluted' in copy).toBe(false)
    expect(canonicalJson(copy)).toBe('{"__proto__":{"polluted":1},"a":{"__proto__":null}}')
  })

  it('stops at its depth, with millions of brackets as with one too many', () => {
    expect(parse('[[1]]', 2)).toEqual([[1]])
    for (const text of ['[[[1]]]', '['.repeat(5_000_000)]) {
      expect(() => parse(text, 2)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
    }
  })

  it('J1: refuses a byte order mark and bytes that are not UTF-8', () => {
    const failure = expect.objectContaining({ code: 'DOCUMENT_INVALID' })
    expect(() => parseJson(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31), { where: 't' })).toThrow(failure)
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), { where: 't' })).toThrow(failure)
  })

  it('reads a string of megabytes with an escape at every character', () => {
    const text = `"${'\\n'.repeat(2_000_000)}"`
    expect(parse(text)).toBe('\n'.repeat(2_000_000))
  })

  it('refuses half a surrogate pair, which no edit could write again', () => {
    for (const text of ['"\\ud800"', '{"\\udc00":1}', '["\\ud83d\\ud83d\\ude00"]']) {
      expect(() => parse(text), text).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
    }
  })

  it('says where it stopped and what it wanted', () => {
    try {
      parse('{"a": tru}')
      expect.unreachable()
    } catch (error) {
      expect(isOciError(error, 'DOCUMENT_INVALID') && error.data).toMatchObject({
        where: 'test',
        expected: 'a value at character 6',
      })
    }
  })
})

describe('the fast way through JSON', () => {
  it('reads, of thousands of mutated documents, each as the careful reader does, or not at all', () => {
    const seed =
      '{"a":[1,-2,"x\\"y:{}",{"b:":null,"c":true}],"\\u00e9":{"__proto__":{"d":9007199254740993}},"e":12}'
    const random = lots(1)
    const bits = [
      '"',
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '\\',
      'u',
      '1',
      '.',
      'e',
      '-',
      'a',
      '"a":1,',
      '\\ud800',
      ' ',
    ]
    const counts = { plain: 0, careful: 0, refused: 0 }
    for (let i = 0; i < 20_000; i++) {
      let text = i % 2 === 0 ? seed : seed.replace('993', '')
      for (let n = random(4); n > 0; n--) {
        const at = random(text.length)
        text = text.slice(0, at) + bits[random(bits.length)] + text.slice(at + random(3))
      }
      const plain = parsePlain(text, bounds(64))
      // A fraction in the same document leads past the fast way.
      const careful = outcomeOf(`[0.5,${text}]`)
      if (plain !== undefined) expect(careful, text).toEqual([0.5, plain])
      counts[plain !== undefined ? 'plain' : careful === undefined ? 'refused' : 'careful']++
    }
    console.log(`JSON: ${JSON.stringify(counts)}`)
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(500)
  })

  it('leaves what needs care to the careful reader', () => {
    for (const text of [
      '{"a":1,"\\u0061":2}',
      '9007199254740993',
      '1.0',
      '1e3',
      '"\\uD83D"',
      '[[1]]',
      '',
      '{',
    ]) {
      expect(parsePlain(text, bounds(1)), text).toBeUndefined()
    }
    expect(parsePlain('{"a:b":"\\"c\\\\","d":[-1]}', bounds(2))).toEqual({ 'a:b': '"c\\', d: [-1] })
  })
})

const bounds = (maxDepth: number) => ({ maxDepth, maxValues: 1000 })

function outcomeOf(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

describe('canonical JSON (J3), as the crate writes it', () => {
  it('J3: sorts keys by UTF-16 code units and leaves no white space', () => {
    const value = {
      b: 1,
      a: [1, { d: null, c: true }],
      '\u{1f600}': 0,
      '\uff21': 0,
      B: 2,
      '': 3,
      '10': 1,
      '9': 2,
    }
    expect(canonicalJson(value)).toBe(
      '{"":3,"10":1,"9":2,"B":2,"a":[1,{"c":true,"d":null}],"b":1,"\u{1f600}":0,"\uff21":0}',
    )
  })

  it('writes numbers as ES6 does and escapes as JSON.stringify does', () => {
    expect(canonicalJson([1e21, 0.1, 1e-7, -0, 100, '\u0000\u001f"\\\u2028é'])).toBe(
      '[1e+21,0.1,1e-7,0,100,"\\u0000\\u001f\\"\\\\\u2028é"]',
    )
  })

  it('leaves out members that are undefined', () => {
    expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}')
  })

  it('refuses what has no JSON form', () => {
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '\ud800',
      { '\udc00': 1 },
      [undefined],
      () => 1,
    ]) {
      expect(() => canonicalBytes(value)).toThrow(TypeError)
    }
  })
})
