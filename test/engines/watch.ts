/** What the library calls of the platform: the same bytes come out of ways that a claim denies. */

/** One call of a method. */
export interface Call {
  readonly of: unknown
  readonly args: readonly unknown[]
}

/** The calls of a platform's method while something is done. */
export async function callsOf(owner: object, name: string, work: () => Promise<void>): Promise<Call[]> {
  const calls: Call[] = []
  await inPlaceOf(owner, name, {
    method: (original, call) => {
      calls.push(call)
      return Reflect.apply(original, call.of, call.args)
    },
    work,
  })
  return calls
}

type Method = (original: (...args: unknown[]) => unknown, call: Call) => unknown

/** Does something while a platform's method is another one. */
export async function inPlaceOf(
  owner: object,
  name: string,
  { method, work }: { readonly method: Method; readonly work: () => Promise<void> },
): Promise<void> {
  const original: unknown = Reflect.get(owner, name)
  if (typeof original !== 'function') throw new Error(`this engine has no ${name}`)
  Reflect.set(owner, name, function (this: unknown, ...args: unknown[]): unknown {
    return method(original as () => unknown, { of: this, args })
  })
  try {
    await work()
  } finally {
    Reflect.set(owner, name, original)
  }
}

/** A value and all that is in it, as far as a message or a record takes it along. */
export function partsOf(value: unknown): readonly unknown[] {
  const isLeaf = typeof value !== 'object' || value === null || ArrayBuffer.isView(value)
  return isLeaf ? [value] : [value, ...Object.values(value).flatMap(partsOf)]
}
