import { SingleBar } from 'cli-progress'
import type { Progress } from '../src/archive/verify.ts'

/** How often a line is written where there is no terminal. */
const SAID_MS = 10_000

/** Progress on standard error: a bar on a terminal, a line now and then elsewhere. `stop` takes the bar away. */
export function showProgress(program: string): Progress & { stop(): void } {
  return process.stderr.isTTY ? bar() : lines(program)
}

function bar(): Progress & { stop(): void } {
  let shown: SingleBar | undefined
  return {
    begin(check, total) {
      shown?.stop()
      shown = new SingleBar({ format: `${check.padEnd(10)} {bar} {value}/{total}`, clearOnComplete: true })
      shown.start(total ?? 0, 0)
    },
    tick: (steps) => shown?.increment(steps),
    stop: () => shown?.stop(),
  }
}

function lines(program: string): Progress & { stop(): void } {
  let [check, done, said] = ['', 0, Date.now()]
  return {
    begin(name) {
      ;[check, done] = [name, 0]
    },
    tick(steps) {
      done += steps
      if (Date.now() - said < SAID_MS) return
      said = Date.now()
      process.stderr.write(`${program}: ${check} ${done}\n`)
    },
    stop: () => undefined,
  }
}
