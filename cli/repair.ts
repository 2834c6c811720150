/** `ocidir fsck --repair`: what can be mended, mended. */

import { layerCheck } from '../src/deep/index.ts'
import { type ReadableStorage, type RepairAction, type RepairResult, repair } from '../src/index.ts'
import { type Io, UsageError } from './command.ts'
import { findingRow, printFindings } from './findings.ts'
import { mustExist, storageAt, storageOf } from './place.ts'
import { checkWritable, parseLayout, type Reference } from './reference.ts'
import { counted, formatProgress, printable } from './text.ts'

/** The options that belong to a repair. */
export const repairOptions = {
  repair: { type: 'boolean' },
  from: { type: 'string', multiple: true },
  'dry-run': { type: 'boolean' },
  quarantine: { type: 'boolean' },
} as const

/** Their usage. */
export const repairUsage =
  '       ocidir fsck LAYOUT --repair [--from LAYOUT]… [--quarantine] [--dry-run] [--deep] [--format json]'

/** Their help. */
export const repairHelp = `With --repair what was done goes to stdout first, then what is still wrong. Nothing is deleted: bytes under a name that
isn't theirs, and index.json as it was, are kept as blobs under their own digests. Nothing names those, so the next gc
takes them. No bytes that have a digest are changed.

  --repair        mend: blobs from --from, from embedded data or from a wrong name; oci-layout; entries of index.json by
                  what their blobs say; an index.json that is gone by --from and the manifests that are there
  --from LAYOUT   a folder or archive that may have what is missing; may stand several times
  --quarantine    take entries that can't be mended out of index.json; else they stay, for their blobs may yet come
  --dry-run       write nothing, say what would be done
  --format json   { ok, dryRun, actions: [{ kind, digest, path, message }], validated, findings }
`

interface Values {
  readonly repair?: boolean | undefined
  readonly from?: readonly string[] | undefined
  readonly 'dry-run'?: boolean | undefined
  readonly quarantine?: boolean | undefined
}

interface RepairCall extends Values {
  readonly deep?: boolean | undefined
  readonly strict?: boolean | undefined
  readonly json: boolean
}

/** Throws `UsageError` for an option that means nothing without `--repair`. */
export function checkRepairOptions({ repair, from, quarantine, 'dry-run': dryRun }: Values): void {
  if (repair || !(from || quarantine || dryRun)) return
  throw new UsageError('--from, --quarantine and --dry-run belong to --repair')
}

/** Repairs a layout, and gives the exit code of what it is like then. */
export async function repairLayout(reference: Reference, call: RepairCall, io: Io): Promise<number> {
  checkWritable(reference)
  mustExist(reference)
  const from: ReadableStorage[] = []
  for (const text of call.from ?? []) from.push(await storageOf(await parseLayout(text, '--from takes'), io))
  const { strict, quarantine, json, 'dry-run': dryRun = false } = call
  const result = await repair(storageAt(reference.path, io), {
    from,
    quarantine,
    dryRun,
    ...(call.deep && { deep: layerCheck() }),
    signal: io.signal,
    onProgress: progress => io.progress.show(`read: ${formatProgress(progress)}`),
  })
  await io.progress.clear()
  const { ok: isSound, counts } = result.after
  const ok = isSound && !(strict && counts.warnings > 0)
  await (json ? printJson({ ...result, ok, dryRun }, io) : printText({ ...result, ok, dryRun }, io))
  return ok ? 0 : 1
}

interface Outcome extends RepairResult {
  readonly ok: boolean
  readonly dryRun: boolean
}

async function printJson({ ok, dryRun, actions, after }: Outcome, { out }: Io): Promise<void> {
  const { validated, findings } = after
  await out.json({
    ok,
    dryRun,
    actions: actions.map(({ kind, digest = null, path, message }) => ({ kind, digest, path, message })),
    validated,
    findings: findings.map(findingRow),
  })
}

async function printText(outcome: Outcome, { out, err }: Io): Promise<void> {
  const { ok, dryRun, actions, after } = outcome
  for (const action of actions) await out.line(actionLine(action, out))
  await printFindings(after.findings, out)
  await out.flush()
  const verdict = ok ? err.paint('green', 'ok') : err.paint('red', 'not ok')
  const sums = [
    `${counted(actions.length, 'action')}${dryRun ? ' to be done' : ''}`,
    `${counted(after.validated, 'blob')} validated`,
    counted(after.counts.errors, 'error'),
    counted(after.counts.warnings, 'warning'),
    counted(after.counts.infos, 'info'),
  ]
  await err.line(`${dryRun ? 'then ' : ''}${verdict}: ${sums.join(', ')}`)
  for (const note of notesOn(actions)) await err.line(`note: ${note}`)
}

/** What is right now, and still not as it was. */
function notesOn(actions: readonly RepairAction[]): string[] {
  const isOfIndex = ({ path }: RepairAction): boolean => path === 'index.json'
  const isKept = actions.some(({ kind }) => kind === 'quarantined')
  const areOut = actions.some(({ kind, path }) => kind === 'quarantined' && path.startsWith('index.json/'))
  const isRebuilt = actions.some(action => action.kind === 'rebuilt' && isOfIndex(action))
  return [
    ...(isKept ? ['nothing names what is kept in quarantine, so the next gc takes it'] : []),
    ...(areOut ? ['what only the entries taken out named goes with it'] : []),
    ...(isRebuilt || areOut
      ? ['"ocidir copy --all COPY LAYOUT" brings names back from a copy that has them']
      : []),
  ]
}

function actionLine({ kind, digest, path, message }: RepairAction, { paint }: Io['out']): string {
  const where = digest === undefined || message.includes(digest) ? path : `${path} ${digest}`
  return `${paint(kind === 'quarantined' ? 'yellow' : 'green', kind)} ${printable(where)}: ${printable(message)}`
}
