/** The pax records that hold for one entry, and what is in them. */

import { tarFault } from './fault.ts'
import { type PaxRecord, type PaxTime, parseDecimal, parseTime } from './pax.ts'

/** An entry's own records over those of the global headers before it. An empty value takes a record back (POSIX). */
export class Records {
  readonly all: ReadonlyMap<string, Uint8Array>
  /** The entry's own, in order: some keys come more than once. */
  readonly own: readonly PaxRecord[]
  readonly #offset: number

  /** `offset` is the header's that they speak of. */
  constructor(
    globals: ReadonlyMap<string, Uint8Array>,
    own: readonly PaxRecord[],
    { offset }: { readonly offset: number },
  ) {
    this.all = own.length === 0 ? globals : new Map([...globals, ...own])
    this.own = own
    this.#offset = offset
  }

  /** The bytes of a name. A NUL would end it for one reader and not for the next, so it is refused. */
  name(key: string): Uint8Array | undefined {
    const value = this.#value(key)
    if (value?.includes(0)) throw tarFault(`a NUL in pax ${key}`, this.#offset)
    return value
  }

  number(key: string): number | undefined {
    return this.#parsed(key, parseDecimal)
  }

  time(key: string): PaxTime | undefined {
    return this.#parsed(key, parseTime)
  }

  /** The values of all keys with a prefix, by what follows it. */
  below(prefix: string): ReadonlyMap<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    for (const [key, value] of this.all) {
      if (key.startsWith(prefix)) found.set(key.slice(prefix.length), value)
    }
    return found
  }

  #value(key: string): Uint8Array | undefined {
    const value = this.all.get(key)
    return value?.length === 0 ? undefined : value
  }

  #parsed<T>(key: string, parse: (value: Uint8Array) => T | undefined): T | undefined {
    const value = this.#value(key)
    if (value === undefined) return undefined
    const parsed = parse(value)
    if (parsed === undefined) throw tarFault(`bad pax ${key}`, this.#offset)
    return parsed
  }
}
