import { expect, it } from 'vitest'
import { compile } from './compile.ts'

const node = {
  module: `import { readFile } from 'node:fs/promises'; export const read: typeof readFile = readFile`,
  type: `export const stats: import('node:fs').Stats | undefined = undefined`,
  process: `export const { env } = process`,
  Buffer: `export const bytes: unknown = Buffer.alloc(1)`,
}
const web = { document: `export const { title } = document` }
const worker = { self: `export const port: DedicatedWorkerGlobalScope | undefined = undefined` }
const plain = {
  streams: `export const made: ReadableStream<Uint8Array> = new Blob(['']).stream()`,
  text: `export const bytes: Uint8Array = new TextEncoder().encode('')`,
}

it('Node does not compile in the core, web pieces do', async () => {
  const errors = await compile('core', { ...plain, ...web, ...node })
  expect(codesOf(errors)).toEqual({
    streams: [],
    text: [],
    document: [],
    module: ['TS2591'],
    type: ['TS2591'],
    process: ['TS2591'],
    Buffer: ['TS2591'],
  })
})

it('a page does not compile in a worker, nor Node', async () => {
  const errors = await compile('worker', { ...plain, ...worker, ...web, process: node.process })
  expect(codesOf(errors)).toEqual({
    streams: [],
    text: [],
    self: [],
    document: ['TS2584'],
    process: ['TS2591'],
  })
})

it('a page does not compile in Node, Node does', async () => {
  const errors = await compile('node', { ...node, ...web })
  expect(codesOf(errors)).toEqual({ module: [], type: [], process: [], Buffer: [], document: ['TS2584'] })
})

function codesOf(errors: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(errors).map(([name, list]) => [name, list.map(text => text.slice(0, text.indexOf(':')))]),
  )
}
