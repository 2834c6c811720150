#!/usr/bin/env node
/** The bin entry: this process as the world of one command. */

import { Output, ProgressLine } from './output.ts'
import { Interrupt, run } from './run.ts'

const { env, stdin, stdout, stderr } = process
const controller = new AbortController()

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    // Asked twice, it goes at once; leftovers are for the next writer's sweep.
    if (controller.signal.aborted) process.exit(exitCode)
    controller.abort(new Interrupt(exitCode))
  })
}

const err = new Output(stderr, env)
const io = {
  out: new Output(stdout, env),
  err,
  progress: new ProgressLine(err),
  stdin,
  env,
  signal: controller.signal,
  opened: [],
}

process.exitCode = await run(process.argv.slice(2), io)
// A pipe that nobody closes must not keep the process alive.
stdin.destroy()
