/** Builds one image: a layer from what was chosen, a config from the form, one entry in index.json. */

import { configure, draft, identity, parsePlatform, pushLayer } from 'ocidir'
import { type DeflateLevel, gzip } from 'ocidir/gzip'
import type { CallOptions } from './call.ts'
import { summaryOf } from './inspect.ts'
import type { Calls, ImageSummary, Recipe } from './protocol.ts'
import { layerSource } from './source.ts'
import { builds } from './store.ts'

/** Stores the image in the layout and tells what became of it. */
export async function build(
  { source, recipe }: Calls['build']['request'],
  { signal, onProgress }: CallOptions,
): Promise<ImageSummary> {
  const dir = await builds()
  const { tar, total, createdBy } = await layerSource(source, recipe, { signal })
  const layer = await dir.writeLayer(tar, {
    codec: recipe.compression === 'gzip' ? gzip({ level: checkLevel(recipe.level) }) : identity,
    signal,
    onProgress: ({ bytes }) => onProgress({ bytes, total }),
  })
  const image = pushLayer(draft(parsePlatform(recipe.platform)), layer, {
    created: recipe.created,
    createdBy,
  })
  const ready = configure(image, containerOf(recipe), { created: recipe.created })
  return summaryOf(await dir.writeImage(ready, { tag: recipe.tag, signal }))
}

function containerOf({ entrypoint, cmd, env, workdir }: Recipe): Parameters<typeof configure>[1] {
  return {
    ...(entrypoint.length > 0 && { Entrypoint: entrypoint }),
    ...(cmd.length > 0 && { Cmd: cmd }),
    ...(env.length > 0 && { Env: env }),
    ...(workdir !== '' && { WorkingDir: workdir }),
  }
}

function checkLevel(level: number): DeflateLevel {
  const levels: readonly DeflateLevel[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  const found = levels.find(known => known === level)
  if (found === undefined) throw new RangeError(`a level is a whole number from 0 to 9, not ${level}`)
  return found
}
