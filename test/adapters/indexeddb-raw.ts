/** IndexedDB itself, past the adapter: what another tab, a failing disk or a hostile page does to a database. */

/** Opens the adapter's database under a storage's name; it must be there. */
export function openRaw(name: string, version?: number): Promise<IDBDatabase> {
  return done(indexedDB.open(`ocidir:${name}`, version))
}

/** One transaction on one store of the adapter's, on a connection of its own. */
export async function inStore<T>(
  name: string,
  store: string,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const db = await openRaw(name)
  try {
    return await done(work(db.transaction(store, 'readwrite').objectStore(store)))
  } finally {
    db.close()
  }
}

/** Deletes the adapter's database as a browser does that loses it: nothing else hears of it. */
export async function lose(name: string): Promise<void> {
  await done(indexedDB.deleteDatabase(`ocidir:${name}`))
}

/** Holds the only writer's place on the documents and names, until it is called. */
export async function holdFiles(name: string): Promise<() => void> {
  const db = await openRaw(name)
  const files = db.transaction('files', 'readwrite').objectStore('files')
  let isHeld = true
  const again = (): void => {
    if (isHeld) files.get('held').onsuccess = again
    else db.close()
  }
  await done(files.get('held'))
  again()
  return () => {
    isHeld = false
  }
}

/** The result of a request. */
export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
