/** A folder with what makes trouble: nested, empty, large, executable, not ASCII, and an order that locales differ on. */

/** Its files by their paths. */
export const content: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>> = {
  run: '#!/bin/sh\n',
  'lib/a.js': 'a\n'.repeat(100_000),
  'lib/B.js': 'b',
  'lib/ä ö.txt': 'ü',
  'lib.txt': 'sorts between lib and lib/a.js',
  empty: '',
  'deep/er/and/er/noise': Uint8Array.from(
    { length: 700_001 },
    (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff,
  ),
  [`${'long/'.repeat(30)}file`]: '',
}

/** The modes that a browser can't see. */
export const modes: Readonly<Record<string, number>> = { run: 0o755 }

/** Seconds. */
export const mtime = 1_700_000_000
