/** All commands, in the order of the help. */

import type { Command } from './command.ts'
import { blobCommand } from './commands/blob.ts'
import { buildCommand } from './commands/build.ts'
import { cloneCommand } from './commands/clone.ts'
import { configCommand } from './commands/config.ts'
import { copyCommand } from './commands/copy.ts'
import { fsckCommand } from './commands/fsck.ts'
import { gcCommand } from './commands/gc.ts'
import { inspectCommand } from './commands/inspect.ts'
import { lsCommand } from './commands/ls.ts'
import { manifestCommand } from './commands/manifest.ts'
import { referrersCommand } from './commands/referrers.ts'
import { tagCommand } from './commands/tag.ts'
import { tagsCommand } from './commands/tags.ts'
import { transcodeCommand } from './commands/transcode.ts'
import { untagCommand } from './commands/untag.ts'

/** Every command but help. */
export const commands: readonly Command[] = [
  buildCommand,
  fsckCommand,
  tagsCommand,
  tagCommand,
  untagCommand,
  copyCommand,
  cloneCommand,
  transcodeCommand,
  gcCommand,
  inspectCommand,
  manifestCommand,
  configCommand,
  blobCommand,
  referrersCommand,
  lsCommand,
]
