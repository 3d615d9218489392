import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Traced {
  /** Each call on one line, in the order in which they returned; files are named beside their descriptors. */
  readonly calls: readonly string[]
  readonly stdout: string
}

/** Runs a script of its own and records those of its system calls; null, said in one line, where that is not possible. */
export function traceCalls(names: readonly string[], script: readonly string[]): Traced | null {
  const folder = mkdtempSync(join(tmpdir(), 'concord-trace-'))
  // In a file, where no other message of the tracer can come in between.
  const file = join(folder, 'calls')
  try {
    const options = ['-f', '-y', '-s', '40', '-o', file, '-e', `trace=${names.join()}`]
    const { error, status, stdout } = spawnSync('strace', [...options, process.execPath, ...script])
    if (error === undefined && status === 0)
      return { calls: finishedCalls(readFileSync(file, 'utf8')), stdout: stdout.toString() }
    process.stdout.write('skipped: may not trace system calls\n')
    return null
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A call that others interrupted is put together again. */
function finishedCalls(trace: string): string[] {
  const begun = new Map<string, string>()
  return trace.split('\n').flatMap((line) => {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (call.endsWith('<unfinished ...>')) {
      begun.set(thread, call.replace('<unfinished ...>', ''))
      return []
    }
    return [call.startsWith('<... ') ? `${begun.get(thread) ?? ''}${call}` : call]
  })
}
