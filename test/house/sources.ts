/** The project's own sources, read and parsed, for the tests that hold the house's rules. */

import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ParseResult, parseSync, Visitor } from 'oxc-parser'

/** The top of the project. */
export const top: string = fileURLToPath(new URL('../../', import.meta.url))

/** Source texts by their paths from the top, with `/` between the parts. */
export type Sources = ReadonlyMap<string, string>

/** Every TypeScript file below these folders. */
export async function readSources(folders: readonly string[]): Promise<Sources> {
  const sources = new Map<string, string>()
  for (const folder of folders) {
    for (const entry of await readdir(join(top, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.ts$/.test(entry.name)) continue
      const path = join(entry.parentPath, entry.name)
      sources.set(relative(top, path).replaceAll('\\', '/'), await readFile(path, 'utf8'))
    }
  }
  return sources
}

/** Parses one source; a fault in it is thrown. */
export function parse(path: string, text: string): ParseResult {
  const result = parseSync(path, text)
  const [error] = result.errors
  if (error) throw new SyntaxError(`${path}: ${error.message}`)
  return result
}

/** What a source imports, in all the ways there are: statements, `import()`, types, `new URL(…, import.meta.url)`. */
export function importsOf(path: string, text: string): readonly string[] {
  const found = new Set<string>()
  const add = (node: { readonly type: string; readonly value?: unknown } | null | undefined): void => {
    if (node?.type === 'Literal' && typeof node.value === 'string') found.add(node.value)
  }
  new Visitor({
    ImportDeclaration: node => add(node.source),
    ExportNamedDeclaration: node => add(node.source),
    ExportAllDeclaration: node => add(node.source),
    ImportExpression: node => add(node.source),
    TSImportType: node => add(node.source),
    NewExpression: node => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'URL' && node.arguments.length === 2)
        add(node.arguments[0])
    },
  }).visit(parse(path, text).program)
  return [...found]
}
