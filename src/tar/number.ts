/** Numbers of a tar header: octal text, or GNU's base 256 where octal has no room or no sign. */

/**
 * The number in a field of a header; 0 where the field is empty, `undefined` where it holds something else or a number
 * that JavaScript can't hold exactly.
 */
export function parseNumber(field: Uint8Array): number | undefined {
  const [first = 0] = field
  return (first & 0x80) === 0 ? parseOctal(field) : parseBase256(field)
}

/** Octal digits with a NUL behind, filling `size` bytes; `undefined` where the number doesn't fit. */
export function formatOctal(value: number, size: number): string | undefined {
  if (value < 0 || value >= 8 ** (size - 1)) return undefined
  return `${value.toString(8).padStart(size - 1, '0')}\0`
}

const space = 0x20

/** Spaces and NULs may stand before the digits, anything behind a NUL: as Go has it. Python ends at the first NUL. */
function parseOctal(field: Uint8Array): number | undefined {
  let at = 0
  while (at < field.length && (field[at] === space || field[at] === 0)) at++
  let value = 0
  for (; at < field.length; at++) {
    const digit = (field[at] ?? 0) - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  for (; at < field.length && field[at] !== 0; at++) if (field[at] !== space) return undefined
  return Number.isSafeInteger(value) ? value : undefined
}

/** Two's complement, big endian; the first byte's highest bit only marks the form, the next is the sign. */
function parseBase256(field: Uint8Array): number | undefined {
  const [first = 0] = field
  const negative = (first & 0x40) !== 0
  let value = BigInt(negative ? first - 0x100 : first & 0x7f)
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte)
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : undefined
}
