// The script of the page.
import { OciDir } from 'ocidir'
import { opfs } from 'ocidir/fsa'
import { build } from './sample.js'

/** A blob so large that a worker writes it. */
async function store() {
  const dir = await OciDir.ensure(await opfs('consumer'))
  const { size } = await dir.writeBlob(new Uint8Array(6_000_000))
  return size
}

Promise.all([build(), store()]).then(
  ([image, stored]) => {
    document.body.textContent = JSON.stringify({ image, stored })
  },
  error => {
    document.body.textContent = String(error)
  },
)
