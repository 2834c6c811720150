/** A check of a layout tells of faults by findings: for a test they are an error. */

import type { Finding } from '../../src/findings.ts'

/** What `fsck` found wrong. */
export class Reported extends Error {
  constructor(findings: readonly Finding[]) {
    super(findings.map(({ code, path, message }) => `${code} ${path}: ${message}`).join('; '))
  }
}
