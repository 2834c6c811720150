/** What can be said of an image, and of a layout that may be broken. */

import { type Image, isOciError, type OciErrorCode, type Platform, platformOfConfig } from '../src/index.ts'

/** The platform that an image is listed for. */
export function platformOfImage({ descriptor, config }: Image): Platform | undefined {
  const { platform } = descriptor
  return platform?.os && platform.architecture ? platform : platformOfConfig(config.value)
}

/** What can be read; `undefined` where the layout is at fault. */
export async function unlessFaulty<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isOciError(error) && !ownFaults.has(error.code)) return undefined
    throw error
  }
}

// A medium that fails says nothing about the entry.
const ownFaults: ReadonlySet<OciErrorCode> = new Set<OciErrorCode>(['STORAGE_FAILED', 'STORAGE_DENIED'])
