// Stands before every chunk of the page and of its workers: the sizes of their WebAssembly memories, which no inspector tells.
globalThis.wasmBytes ??= (() => {
  const memories = new Set()
  const note = made => {
    const found = made instanceof WebAssembly.Memory ? [made] : Object.values(made.exports)
    for (const memory of found) if (memory instanceof WebAssembly.Memory) memories.add(new WeakRef(memory))
    return made
  }
  const noted = { construct: (target, args) => note(Reflect.construct(target, args)) }
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, noted)
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, noted)
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const instantiate = WebAssembly[name]
    WebAssembly[name] = async (...args) => {
      const result = await instantiate.apply(WebAssembly, args)
      note(result.instance ?? result)
      return result
    }
  }
  return () => [...memories].reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0)
})()
