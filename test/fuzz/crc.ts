import { TableCrc32 } from '../../src/codec/crc32.ts'

/** CRC-32 at once, for what a fuzzer has to put right or compare. */
export function crc32(bytes: Uint8Array): number {
  const crc = new TableCrc32()
  crc.update(bytes)
  return crc.take()
}
