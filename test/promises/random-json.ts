/** JSON that nobody here knows, from a seed: values, names, and the text of a document with its keys in any order. */

/** A number from 0 up to, not including, `limit`. */
export type Below = (limit: number) => number

export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json }

const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '0',
  '7',
  'é',
  '😀',
  'x y',
  'null',
  '\u2028',
]
const texts = [
  '',
  'plain',
  '\u0000\u001f',
  'é😀\u{10ffff}',
  '\u202eabc',
  '"\\/',
  'null',
  '\ufeff',
  'a\nb\tc',
  '{}',
]
const numbers = [0, -1, 1.5, -0.1, 1e300, 5e-324, 2 ** 53 - 1]
const integers = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 64n - 1n, 10n ** 40n]

/** Some fields with names that no specification has (`more` aside), and any values. */
export function randomFields(below: Below, more: readonly string[] = []): [string, Json][] {
  const fields = new Map<string, Json>(more.map(name => [name, null]))
  for (let count = 1 + below(4); count > 0; count--) {
    const name = below(2) === 0 ? `x-${below(1000)}` : pick(below, names)
    fields.set(name, randomValue(below, 0))
  }
  return [...fields]
}

function randomValue(below: Below, depth: number): Json {
  const kind = below(depth < 4 ? 9 : 6)
  if (kind === 0) return null
  if (kind === 1) return below(2) === 0
  if (kind === 2) return pick(below, numbers)
  if (kind === 3) return pick(below, integers)
  if (kind < 6) return pick(below, texts)
  if (kind === 6) return Array.from({ length: below(4) }, () => randomValue(below, depth + 1))
  if (kind === 7) return deep(below, 1 + below(40))
  return Object.fromEntries(randomFields(below).map(([name]) => [name, randomValue(below, depth + 1)]))
}

/** Arrays and objects inside each other. */
function deep(below: Below, depth: number): Json {
  let value: Json = pick(below, integers)
  for (let i = 0; i < depth; i++)
    value = below(2) === 0 ? [value] : Object.fromEntries([['__proto__', value]])
  return value
}

/** A document's text: its keys in any order, white space anywhere, now and then a letter escaped. */
export function textOf(value: Json, below: Below): string {
  const space = (): string => pick(below, ['', '', ' ', '\n\t'])
  if (Array.isArray(value)) return `[${value.map(item => space() + textOf(item, below)).join(',')}${space()}]`
  if (typeof value !== 'object' || value === null) return scalar(value, below)
  const members = shuffled(Object.entries(value), below).map(
    ([name, member]) => `${space()}${scalar(name, below)}${space()}:${space()}${textOf(member, below)}`,
  )
  return `{${members.join(',')}${space()}}`
}

function scalar(value: null | boolean | number | bigint | string, below: Below): string {
  if (typeof value === 'bigint') return String(value)
  const text = JSON.stringify(value)
  return typeof value === 'string' && below(4) === 0 ? text.replace('a', '\\u0061') : text
}

function shuffled<T>(items: T[], below: Below): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const other = below(i + 1)
    const [a, b] = [items[i], items[other]]
    if (a !== undefined && b !== undefined) [items[i], items[other]] = [b, a]
  }
  return items
}

function pick<T>(below: Below, choices: readonly T[]): T {
  return choices[below(choices.length)] as T
}

/** How many of these fields an object still has, each as it was. */
export function kept(
  fields: readonly (readonly [string, Json])[],
  object: unknown,
  same: (a: unknown, b: unknown) => boolean,
): number {
  if (typeof object !== 'object' || object === null) return 0
  const found = new Map<string, unknown>(Object.entries(object))
  return fields.filter(([name, value]) => found.has(name) && same(found.get(name), value)).length
}
