/** Platforms: their text form, their matching, and what an image's config says of its own. */

import type { ImageConfig, Platform } from './spec.ts'

/** What is asked for: `linux/arm64/v8` as text, or some of a platform's fields. */
export type PlatformRequest = string | Partial<Platform>

/** Reads `os/architecture[/variant]`, or an architecture alone (then linux). Throws `RangeError`. */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/')
  if (parts.length > 3 || parts.some(part => part === '')) {
    throw new RangeError(`a platform is os/architecture[/variant], not ${JSON.stringify(text)}`)
  }
  const [first, second, variant] = parts
  const [os, architecture] = second === undefined ? ['linux', first] : [first, second]
  return {
    architecture: aliases.get(architecture ?? '') ?? architecture ?? '',
    os: os ?? '',
    ...(variant && { variant }),
  }
}

/** Writes `os/architecture[/variant]`. */
export function formatPlatform(platform: Partial<Platform>): string {
  const { os = '', architecture = '', variant } = platform
  return [os, architecture, ...(variant ? [variant] : [])].join('/')
}

/** Every field asked for is as asked. A variant left out is its default (arm64 v8, arm v7, amd64 v1). */
export function matchesPlatform(found: Platform, wanted: Partial<Platform>): boolean {
  if (wanted.os !== undefined && wanted.os !== found.os) return false
  if (wanted.architecture !== undefined && wanted.architecture !== found.architecture) return false
  if (wanted.variant !== undefined && wanted.variant !== variantOf(found)) return false
  if (wanted['os.version'] !== undefined && wanted['os.version'] !== found['os.version']) return false
  return (wanted['os.features'] ?? []).every(feature => found['os.features']?.includes(feature))
}

/** The platform that an image's config names, or `undefined` when it names none (C10). */
export function platformOfConfig(config: ImageConfig): Platform | undefined {
  const { architecture, os } = config
  if (!architecture || !os) return undefined
  return {
    architecture,
    os,
    ...(config.variant && { variant: config.variant }),
    ...(config['os.version'] && { 'os.version': config['os.version'] }),
    ...(config['os.features']?.length && { 'os.features': config['os.features'] }),
  }
}

const aliases: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
])

const defaultVariants: ReadonlyMap<string, string> = new Map([
  ['amd64', 'v1'],
  ['arm', 'v7'],
  ['arm64', 'v8'],
])

function variantOf(platform: Platform): string | undefined {
  return platform.variant || defaultVariants.get(platform.architecture)
}
