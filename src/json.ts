/**
 * A JSON reader that believes nothing. `JSON.parse` keeps the last of two equal keys without a word, rounds
 * integers above 2^53 and recurses without end; a document that two tools read differently is an attack (J1).
 */

import { isWellFormed } from './canonical-json.ts'
import { OciError, quote } from './errors.ts'
import { checkLimit, defaultLimits } from './limits.ts'
import { parsePlain } from './plain-json.ts'
import type { JsonObject, JsonValue } from './spec.ts'

/** Bounds and names for messages. */
export interface JsonOptions {
  /** What is read, for messages: a path or digest. */
  readonly where: string
  /** Nesting of arrays and objects; 64 unless given. */
  readonly maxDepth?: number
  /** Strings, numbers, arrays, objects …; 5,000,000 unless given. */
  readonly maxValues?: number
}

/** Reads one JSON value from UTF-8 bytes. Throws `DOCUMENT_INVALID`, or `LIMIT_EXCEEDED` when too deep or too many. */
export function parseJson(bytes: Uint8Array, options: JsonOptions): JsonValue {
  const { where, maxDepth = defaultLimits.maxJsonDepth, maxValues = defaultLimits.maxJsonValues } = options
  const text = decodeUtf8(bytes, where)
  const bounds = { maxDepth, maxValues }
  return parsePlain(text, bounds) ?? new JsonReader(text, { where, ...bounds }).document()
}

/** The same, for a document that must be an object. */
export function parseJsonObject(bytes: Uint8Array, options: JsonOptions): JsonObject {
  const value = parseJson(bytes, options)
  if (isJsonObject(value)) return value
  throw new OciError('DOCUMENT_INVALID', {
    where: options.where,
    expected: 'a JSON object',
    found: kindOf(value),
  })
}

/** Narrows to a JSON object: neither `null` nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a JSON value is, in words for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return quote(value, 80)
  const text = String(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new OciError('DOCUMENT_INVALID', { where, expected: 'UTF-8' }, { cause })
  }
  if (text.startsWith('\uFEFF')) {
    // RFC 8259, 8.1: must not be written, and every peer refuses it.
    throw new OciError('DOCUMENT_INVALID', { where, expected: 'JSON', found: 'a byte order mark' })
  }
  return text
}

const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y

class JsonReader {
  readonly #text: string
  readonly #where: string
  readonly #limits: { readonly maxJsonDepth: number; readonly maxJsonValues: number }
  #at = 0
  #depth = 0
  #values = 0

  constructor(text: string, { where, maxDepth, maxValues }: Required<JsonOptions>) {
    this.#text = text
    this.#where = where
    this.#limits = { maxJsonDepth: maxDepth, maxJsonValues: maxValues }
  }

  document(): JsonValue {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) this.#fail('the end')
    return value
  }

  #value(): JsonValue {
    checkLimit(this.#limits, 'maxJsonValues', { found: ++this.#values, where: this.#where })
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#nested(() => this.#object())
      case '[':
        return this.#nested(() => this.#array())
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #nested(read: () => JsonValue): JsonValue {
    this.#depth += 1
    checkLimit(this.#limits, 'maxJsonDepth', { found: this.#depth, where: this.#where })
    this.#at += 1
    const value = read()
    this.#depth -= 1
    return value
  }

  #object(): JsonObject {
    const object: Record<string, JsonValue> = {}
    if (this.#takes('}')) return object
    do {
      this.#space()
      const key = this.#string()
      if (Object.hasOwn(object, key)) this.#fail('each key once', `two of ${kindOf(key)}`)
      this.#expect(':')
      setOwn(object, key, this.#value())
    } while (this.#takes(','))
    this.#expect('}')
    return object
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = []
    if (this.#takes(']')) return array
    do array.push(this.#value())
    while (this.#takes(','))
    this.#expect(']')
    return array
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') return this.#fail('a string')
    const end = this.#endOfString()
    const token = this.#text.slice(this.#at, end)
    try {
      // One token of JSON: escapes and control characters are the platform's to judge.
      const value: string = JSON.parse(token)
      // I-JSON (J1); only an escape can make one: others have read U+FFFD here, and no edit could write it again.
      if (!token.includes('\\u') || isWellFormed(value)) {
        this.#at = end
        return value
      }
    } catch {}
    return this.#fail('a string', kindOf(token))
  }

  #endOfString(): number {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at)
      if (code === 0x22) return at + 1
      if (code === 0x5c) at += 1
    }
    return this.#text.length
  }

  #number(): number | bigint {
    number.lastIndex = this.#at
    const match = number.exec(this.#text)
    if (match === null) return this.#fail('a value')
    this.#at = number.lastIndex
    const [token, fraction, exponent] = match
    const value = Number(token)
    if (!Number.isFinite(value)) return this.#fail('a number that a double can hold', kindOf(token))
    const isInteger = fraction === undefined && exponent === undefined
    return isInteger && !Number.isSafeInteger(value) ? BigInt(token) : value
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) return this.#fail('a value')
    this.#at += word.length
    return value
  }

  #takes(char: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== char) return false
    this.#at += 1
    return true
  }

  #expect(char: string): void {
    if (!this.#takes(char)) this.#fail(JSON.stringify(char))
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at += 1
    }
  }

  #fail(expected: string, found?: string): never {
    const here = this.#at >= this.#text.length ? 'the end' : kindOf(this.#text.slice(this.#at, this.#at + 20))
    throw new OciError('DOCUMENT_INVALID', {
      where: this.#where,
      expected: `${expected} at character ${this.#at}`,
      found: found ?? here,
    })
  }
}

/** Plain assignment of `__proto__` would change the object's prototype and lose the field. */
function setOwn(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}
