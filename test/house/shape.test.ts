import { Visitor } from 'oxc-parser'
import { expect, it } from 'vitest'
import { parse, readSources, type Sources } from './sources.ts'

const bounds = { file: 500, function: 80, parameters: 3 }

it('no file is too long, no function too long or of too many parameters', async () => {
  const sources = await readSources(['src', 'adapters', 'cli', 'demo', 'test', 'bench'])
  expect(tooLarge(sources)).toEqual([])
})

it('sees what is too large', () => {
  const lines = (count: number): string => '\n'.repeat(count - 1)
  const sources = new Map([
    ['src/long.ts', lines(501)],
    ['src/body.ts', `export const f = () => {${lines(81)}}`],
    ['src/many.ts', `class A { #m(a: 1, b: 2, c: 3, ...d: 4[]): void {} }`],
    ['src/sound.ts', `export function f(a: 1, b: 2, c: 3): void {${lines(80)}}${lines(421)}`],
  ])
  expect(tooLarge(sources)).toEqual([
    'src/long.ts: 501 lines',
    'src/body.ts:1: a function of 81 lines',
    'src/many.ts:1: a function of 4 parameters',
  ])
})

function tooLarge(sources: Sources): readonly string[] {
  const faults: string[] = []
  for (const [path, text] of sources) {
    const lines = lineOf(text, text.length)
    if (lines > bounds.file) faults.push(`${path}: ${lines} lines`)
    // The body of a `describe` is a list of tests, and a row of `it.each` is a table.
    if (!path.endsWith('.test.ts')) faults.push(...functionsTooLarge(path, text))
  }
  return faults
}

function functionsTooLarge(path: string, text: string): readonly string[] {
  const faults: string[] = []
  const look = (node: FunctionNode): void => {
    const first = lineOf(text, node.start)
    const lines = lineOf(text, node.end) - first + 1
    const parameters = node.params.length
    if (lines > bounds.function) faults.push(`${path}:${first}: a function of ${lines} lines`)
    if (parameters > bounds.parameters)
      faults.push(`${path}:${first}: a function of ${parameters} parameters`)
  }
  new Visitor({
    FunctionDeclaration: look,
    FunctionExpression: look,
    ArrowFunctionExpression: look,
  }).visit(parse(path, text).program)
  return faults
}

interface FunctionNode {
  readonly start: number
  readonly end: number
  readonly params: readonly unknown[]
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
