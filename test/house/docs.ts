import { posix } from 'node:path'
import { parse, type Sources } from './sources.ts'

type Module = ReturnType<typeof parse>
type Statement = Module['program']['body'][number]

/** The longest first sentence: what an editor shows in one line. */
const longest = 100

/** What the public names lack in documentation, one line each, for the files behind the package's entries. */
export function undocumented(sources: Sources, entries: readonly string[]): readonly string[] {
  const faults = entries.flatMap(entry => faultsOfEntry(sources, entry))
  return [...new Set(faults)].sort()
}

/** The names that an entry exports. */
export function exportsOf(sources: Sources, entry: string): readonly string[] {
  return moduleOf(sources, entry)
    .module.staticExports.flatMap(({ entries }) => entries)
    .map(({ exportName }) => exportName.name ?? '*')
}

function faultsOfEntry(sources: Sources, entry: string): readonly string[] {
  if (!sources.has(entry)) return [`${entry} is not there`]
  return exportsOf(sources, entry).flatMap(name => {
    if (name === '*') return [`${entry}: export *`]
    const { path, comment } = declarationOf(sources, entry, name)
    if (comment === undefined) return [`${path}: ${name} has no TSDoc comment`]
    const { length } = firstSentence(comment)
    return length > 0 && length <= longest
      ? []
      : [`${path}: the first sentence of ${name} has ${length} characters`]
  })
}

/** Follows a name through `export … from` to the statement that declares it, and takes the comment before that. */
function declarationOf(sources: Sources, path: string, name: string): { path: string; comment?: string } {
  const parsed = moduleOf(sources, path)
  for (const { entries } of parsed.module.staticExports) {
    const entry = entries.find(({ exportName }) => exportName.name === name)
    if (entry?.moduleRequest) {
      const from = posix.join(posix.dirname(path), entry.moduleRequest.value)
      return declarationOf(sources, from, entry.importName.name ?? name)
    }
  }
  // Of overloads, the first one carries the comment.
  const statement = parsed.program.body.find(item => declares(item, name))
  const comment = statement && commentBefore(parsed, sources.get(path) ?? '', statement.start)
  return comment === undefined ? { path } : { path, comment }
}

function declares(statement: Statement, name: string): boolean {
  if (statement.type !== 'ExportNamedDeclaration' || !statement.declaration) return false
  const { declaration } = statement
  if (declaration.type === 'VariableDeclaration')
    return declaration.declarations.some(({ id }) => id.type === 'Identifier' && id.name === name)
  return 'id' in declaration && declaration.id?.type === 'Identifier' && declaration.id.name === name
}

function commentBefore({ comments }: Module, text: string, start: number): string | undefined {
  const comment = comments.filter(({ end }) => end <= start).at(-1)
  if (comment?.type !== 'Block' || !comment.value.startsWith('*')) return undefined
  return text.slice(comment.end, start).trim() === '' ? comment.value.slice(1) : undefined
}

function firstSentence(comment: string): string {
  const lines = comment.split('\n').map(line => line.replace(/^\s*\*\s?/, '').trim())
  const paragraph =
    lines
      .join('\n')
      .trim()
      .split(/\n\s*\n|\n@/)[0] ?? ''
  const text = paragraph.replaceAll('\n', ' ')
  return /^.*?[.!?:](?=\s|$)/.exec(text)?.[0] ?? text
}

function moduleOf(sources: Sources, path: string): Module {
  const text = sources.get(path)
  if (text === undefined) throw new Error(`${path} is not there`)
  return parse(path, text)
}
