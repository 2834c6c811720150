/** The machine's platform in the specification's words. */

import { arch, endianness } from 'node:os'
import type { Platform } from '../../src/spec.ts'

/**
 * Linux on the architecture that this process runs on: what images are for, also on a machine that is no Linux.
 *
 * @example
 * const image = await dir.openImage('app:1', { platform: hostPlatform() })
 */
export function hostPlatform(): Platform {
  return { os: 'linux', ...processorOf(arch(), endianness()) }
}

/** Node's word for an architecture as Go's GOARCH, which images go by (image-index.md, "platform"). */
function processorOf(name: string, order: 'BE' | 'LE'): Pick<Platform, 'architecture' | 'variant'> {
  if (name === 'ppc64' || name === 'mips64') return { architecture: order === 'LE' ? `${name}le` : name }
  // Node 20 runs on ARMv7 upwards.
  if (name === 'arm') return { architecture: 'arm', variant: 'v7' }
  return { architecture: names[name] ?? name }
}

const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' }
