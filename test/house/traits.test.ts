import { Visitor } from 'oxc-parser'
import { expect, it } from 'vitest'
import { parse, readSources, type Sources } from './sources.ts'

it('what an engine lacks is found by a feature test, never by its name', async () => {
  const sources = await readSources(['src', 'adapters', 'cli', 'demo'])
  expect(sources.size).toBeGreaterThan(100)
  expect(namings(sources)).toEqual([])
})

it.each([
  ['the agent', 'if (navigator.userAgent.length > 9) f()', 'userAgent'],
  ['its parts', `const { userAgentData: d } = navigator as never`, 'userAgentData'],
  ['the vendor', `const v = navigator['vendor']`, 'vendor'],
  ['the platform', 'const p = navigator?.platform', 'platform'],
  ['a global', `const is = typeof Deno !== 'undefined'`, 'Deno'],
  ['a global of the global', `const is = 'Bun' in globalThis`, 'Bun'],
  ['a property of it', 'const is = globalThis.Bun', 'Bun'],
  ['versions', 'const is = process.versions.bun', 'versions'],
  ['versions, taken out', `import { versions } from 'node:process'`, 'versions'],
  ['a name', `const slow = name.includes('firefox')`, 'firefox'],
  ['a name in a pattern', 'const slow = /AppleWebKit/.test(name)', '/AppleWebKit/'],
  ['a name in a template', 'const slow = name === `Chrome`', 'Chrome'],
])('sees an engine known by %s', (_, text, found) => {
  expect(namings(new Map([['src/a.ts', text]]))).toEqual([`src/a.ts: ${found}`])
})

it('takes no comment, no other vendor and no other word for one', () => {
  const text = `// Chromium and Firefox differ
    const a = { vendor: 1, platform: { os: 'linux' } }; a.vendor; a.platform; 'bundle of denominators'`
  expect(namings(new Map([['src/a.ts', text]]))).toEqual([])
})

const ofAnything: ReadonlySet<string> = new Set([
  'userAgent',
  'userAgentData',
  'versions',
  'Deno',
  'Bun',
  'InstallTrigger',
  'webkitURL',
])
const ofNavigator: ReadonlySet<string> = new Set(['vendor', 'vendorSub', 'product', 'platform', 'oscpu'])
const names = /\b(chrom(e|ium)|firefox|gecko|safari|\w*webkit\w*|deno|bun|edge|opera|jsc|spidermonkey)\b/i

/** Every place that goes by a name; comments are no code. */
function namings(sources: Sources): readonly string[] {
  const found = new Set<string>()
  for (const [path, text] of sources) {
    const add = (name: string): unknown => found.add(`${path}: ${name}`)
    const isName = (name: string): boolean => ofAnything.has(name) || names.test(name)
    new Visitor({
      Identifier: ({ name }) => {
        if (ofAnything.has(name)) add(name)
      },
      Literal: ({ value, raw }) => {
        if (typeof value === 'string' ? isName(value) : names.test(raw ?? '')) add(String(value))
      },
      TemplateElement: ({ value }) => {
        if (isName(value.raw)) add(value.raw)
      },
      MemberExpression: node => {
        const { object, property } = node
        if (object.type !== 'Identifier' || object.name !== 'navigator') return
        if (property.type === 'Identifier' && ofNavigator.has(property.name)) add(property.name)
        if (property.type === 'Literal' && ofNavigator.has(String(property.value)))
          add(String(property.value))
      },
    }).visit(parse(path, text).program)
  }
  return [...found]
}
