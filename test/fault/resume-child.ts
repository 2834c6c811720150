/** A process that copies a layout until it is killed. Bundled by `child.ts`. */

import { writeSync } from 'node:fs'
import { folder } from '../../adapters/node/index.ts'
import { copy } from '../../src/copy/copy.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { forwarding } from '../suites/forwarding.ts'

/** Where from and where to. */
export interface ResumeJob {
  readonly source: string
  readonly target: string
  readonly durability: 'strict' | 'relaxed'
}

const job: ResumeJob = JSON.parse(process.argv[2] ?? '')

work().catch(error => tell(`failed ${error?.stack}`))

async function work(): Promise<void> {
  const source = folder(job.source)
  // Files that no disk would clone.
  const streamed = forwarding(source, {
    async open(path, options) {
      const file = await source.open(path, options)
      return file && { ...file }
    },
  })
  const target = await OciDir.ensure(folder(job.target, { durability: job.durability }))
  tell('copying')
  await copy(await OciDir.open(streamed), target)
  tell('copied')
}

function tell(line: string): void {
  writeSync(1, `${line}\n`)
}
