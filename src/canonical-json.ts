/** Canonical JSON, as the Rust crate writes it: one value has one form, so one document has one digest (J3). */

/**
 * Writes a value in its one form: keys sorted by UTF-16 code units, no white space.
 *
 * Integers, also `bigint`, are verbatim. Members that are `undefined` are left out. Throws `TypeError` on what JSON can't say: NaN, infinities,
 * functions, lone surrogates, `undefined` in an array.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return text(value)
    case 'number':
      return finite(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      return value === null ? 'null' : nested(value)
    default:
      throw new TypeError(`JSON can't hold ${typeof value}`)
  }
}

/** The UTF-8 bytes of `canonicalJson`. */
export function canonicalBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value))
}

function nested(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    // Strings compare by UTF-16 code units in JavaScript: just the order that is wanted.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${text(key)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

function finite(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`JSON can't hold ${value}`)
  return JSON.stringify(value)
}

/** Tells whether a string has a UTF-8 form: a surrogate without its other half has none. */
export function isWellFormed(value: string): boolean {
  return !loneSurrogate.test(value)
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

function text(value: string): string {
  if (!isWellFormed(value)) throw new TypeError('JSON text with a lone surrogate has no UTF-8 form')
  return JSON.stringify(value)
}
