// @ts-check
// One check of a layout in a process that says how long the work alone took: check.mjs LAYOUT
import { fsck } from 'ocidir'
import { folder } from 'ocidir/node'

const [layout = ''] = process.argv.slice(2)
const started = performance.now()
const { ok } = await fsck(folder(layout))
if (!ok) throw new Error('the layout is not sound')
console.log(JSON.stringify({ inside: (performance.now() - started) / 1000 }))
