/** The tools that tests run: never skipped in CI, and skipped by name with the reason elsewhere. */

import { describe, it, type TestOptions } from 'vitest'
import { findTool, howToGet, type ToolName } from '../../scripts/provision.mjs'

export type { ToolName } from '../../scripts/provision.mjs'

/** The path of a tool; throws, with how to get it, where it is missing. */
export function tool(name: ToolName): string {
  const path = findTool(name)
  if (path === undefined) throw new Error(howToGet(name))
  return path
}

/** `describe` of tests that need these tools. */
export function describeWith(names: readonly ToolName[], title: string, body: () => void): void {
  if (mayRun(names)) describe(title, body)
  else describe.skip(`${title} (missing: ${missing(names).join(', ')})`, body)
}

/** What `itWith` takes beside the test: the tools it needs, and vitest's options. */
export interface ToolTestOptions extends TestOptions {
  readonly tools: readonly ToolName[]
}

/** `it` for one test that needs some tools. */
export function itWith(title: string, options: ToolTestOptions, body: () => Promise<void> | void): void {
  const { tools, ...rest } = options
  if (mayRun(tools)) it(title, rest, body)
  else it.skip(`${title} (missing: ${missing(tools).join(', ')})`, rest, body)
}

function missing(names: readonly ToolName[]): readonly ToolName[] {
  return names.filter(name => findTool(name) === undefined)
}

// In CI a missing tool must be seen: the tests run, and `tool()` makes them fail.
function mayRun(names: readonly ToolName[]): boolean {
  return Boolean(process.env.CI) || missing(names).length === 0
}
