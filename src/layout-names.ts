/** What the names in a place tell: in which of its folders a layout lies, or what else it holds. */

/** Images in another form than a layout. */
export type ForeignKind = 'docker-archive' | 'skopeo-dir'

/**
 * The folders where a layout lies, as `''` or with a slash at the end: the ones with `oci-layout`, else with
 * `index.json` beside blobs, else with blobs alone, and of these the ones nearest to the root.
 */
export function layoutFolders(paths: Iterable<string>): readonly string[] {
  const marked = new Set<string>()
  const indexed = new Set<string>()
  const filled = new Set<string>()
  for (const path of paths) {
    const [, folder = '', name] = /^(.*\/)?(oci-layout|index\.json|blobs\/[^/]+\/[^/]+)$/s.exec(path) ?? []
    if (name === undefined) continue
    const found = name === 'oci-layout' ? marked : name === 'index.json' ? indexed : filled
    found.add(folder)
  }
  if (marked.size > 0) return nearest(marked)
  const whole = [...indexed].filter(folder => filled.has(folder))
  return nearest(whole.length > 0 ? whole : filled)
}

/** What a place without a layout holds, if it is another form of image. */
export function foreignKind(paths: readonly string[]): ForeignKind | undefined {
  const [folder] = nearest(paths.filter(isManifest).map(path => path.slice(0, -manifest.length)))
  if (folder === undefined) return undefined
  const names = paths.filter(path => path.startsWith(folder)).map(path => path.slice(folder.length))
  if (names.includes('version') && names.some(name => /^[0-9a-f]{64}$/.test(name))) return 'skopeo-dir'
  return names.some(name => dockerNames.test(name)) ? 'docker-archive' : undefined
}

const manifest = 'manifest.json'
// What docker save, skopeo, podman, kaniko and crane put beside it.
const dockerNames =
  /^(repositories|[0-9a-f]{64}(\.json|\.tar|\.tar\.gz|\/layer\.tar)?|sha256:[0-9a-f]{64}(\.tar(\.gz)?)?)$/

function isManifest(path: string): boolean {
  return path === manifest || path.endsWith(`/${manifest}`)
}

function nearest(folders: Iterable<string>): string[] {
  const all = [...folders]
  let least = Number.POSITIVE_INFINITY
  for (const folder of all) least = Math.min(least, depthOf(folder))
  return all.filter(folder => depthOf(folder) === least)
}

function depthOf(folder: string): number {
  return folder.split('/').length
}
