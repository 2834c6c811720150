/** Data as JSON text: pretty, with exact integers, and safe to show. */

/** A value as indented JSON. Integers beyond 2^53 stay exact; fields that are `undefined` are left out. */
export function jsonText(value: unknown, indent = ''): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return safe(JSON.stringify(value) ?? 'null')
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    const items = value.map(item => `${inner}${jsonText(item, inner)}`)
    return items.length === 0 ? '[]' : `[\n${items.join(',\n')}\n${indent}]`
  }
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => `${inner}${safe(JSON.stringify(name))}: ${jsonText(field, inner)}`)
  return fields.length === 0 ? '{}' : `{\n${fields.join(',\n')}\n${indent}}`
}

/** A row of a long list: one line. */
export function jsonLine(value: unknown): string {
  return safe(JSON.stringify(value))
}

// JSON.stringify leaves DEL and the C1 controls as they are; in JSON they may only stand in strings.
function safe(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\p{Bidi_Control}]/gu,
    char => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
}
