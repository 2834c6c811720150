/** `ocidir fsck`: every byte of a layout checked. */

import { layerCheck } from '../../src/deep/index.ts'
import { type FsckResult, fsck } from '../../src/index.ts'
import { first, formatOption, parseCommand, wantsJson } from '../args.ts'
import type { Command, Io } from '../command.ts'
import { findingRow, printFindings } from '../findings.ts'
import { storageOf } from '../place.ts'
import { parseLayout } from '../reference.ts'
import { checkRepairOptions, repairHelp, repairLayout, repairOptions, repairUsage } from '../repair.ts'
import { counted, formatBytes, formatProgress } from '../text.ts'

const options = {
  ...formatOption,
  ...repairOptions,
  strict: { type: 'boolean' },
  deep: { type: 'boolean' },
} as const

/** Checks a layout. */
export const fsckCommand: Command = {
  name: 'fsck',
  summary: 'check every byte of a layout',
  help: `Usage: ocidir fsck LAYOUT [--deep] [--strict] [--format json]
${repairUsage}

Reads index.json and all that it reaches (nested indexes, manifests, configs, layers), checks sizes and digests, and
looks for what lies about unreferenced. It goes on after a fault, and also checks what isn't a layout any more.

Findings go to stdout, a line each: severity, code, place, digest, message; after the first of a code what helps
against it. Their sum goes to stderr.

  --deep          unpacks the layers of images, too: checksums, tars, names, diffIDs
  --strict        warnings count as errors do
  --format json   { ok, validated, findings: [{ severity, code, digest, path, message, advice }] }, and entry and
                  offset of what is inside of a layer

${repairHelp}
Exit code: 0 without a finding of severity error, else 1.
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'LAYOUT' })
    const json = wantsJson(values)
    checkRepairOptions(values)
    const reference = await parseLayout(first(positionals), 'fsck checks')
    if (values.repair) return repairLayout(reference, { ...values, json }, io)
    const result = await fsck(await storageOf(reference, io), {
      signal: io.signal,
      ...(values.deep && { deep: layerCheck() }),
      onProgress: progress => io.progress.show(`checked: ${formatProgress(progress)}`),
    })
    await io.progress.clear()
    const ok = result.ok && !(values.strict && result.counts.warnings > 0)
    await (json ? printJson({ ...result, ok }, io) : printText({ ...result, ok }, io))
    return ok ? 0 : 1
  },
}

async function printJson({ ok, validated, findings }: FsckResult, { out }: Io): Promise<void> {
  await out.json({ ok, validated, findings: findings.map(findingRow) })
}

async function printText({ ok, validated, findings, counts }: FsckResult, { out, err }: Io): Promise<void> {
  await printFindings(findings, out)
  await out.flush()
  const verdict = ok ? err.paint('green', 'ok') : err.paint('red', 'not ok')
  const sums = [
    `${counted(validated, 'blob')} validated (${formatBytes(counts.bytes)} read)`,
    counted(counts.errors, 'error'),
    counted(counts.warnings, 'warning'),
    counted(counts.infos, 'info'),
  ]
  await err.line(`${verdict}: ${sums.join(', ')}`)
}
