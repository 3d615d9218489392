import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./one-go-child.ts', import.meta.url))

/** The calls in the order in which they ended, each on one line, whoever made them. */
function finishedCalls(trace: string): string[] {
  const begun = new Map<string, string>()
  return trace.split('\n').flatMap((line) => {
    const [, thread = '', call = ''] = /^(?:\[pid +)?(\d*)\]? *(.*)$/.exec(line) ?? []
    if (call.endsWith('<unfinished ...>')) {
      begun.set(thread, call.replace('<unfinished ...>', ''))
      return []
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)
    return resumed === null ? [call] : [`${begun.get(thread) ?? ''}${resumed[1] ?? ''}`]
  })
}

it('makes the bytes of an instance durable, then the transaction that tells of them, then says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'concord-order-'))
  try {
    const traced = ['-f', '-y', '-s', '24', '-e', 'trace=openat,pwrite64,write,fsync,fdatasync']
    const run = spawnSync('strace', [...traced, process.execPath, CHILD, folder], {
      maxBuffer: 64 * 1024 * 1024,
    })
    if (run.error ?? run.status !== 0) {
      process.stdout.write('skipped: may not trace system calls\n')
      return
    }
    const calls = finishedCalls(run.stderr.toString())
    const begun = calls.findIndex((call) => call.startsWith('write(1<') && call.includes('begun'))
    const after = calls.slice(begun)
    const at = (...parts: string[]): number =>
      after.findIndex((call) => parts.every((part) => call.includes(part)))
    const steps = [
      at('openat(', '.seg', 'O_DSYNC'),
      at('fsync(', '/segments>'),
      at('pwrite64(', '.seg>', 'CNCR'),
      at('sync(', 'index.db-wal>'),
      at('write(1<', 'acknowledged stored'),
    ]
    for (const step of steps) expect(step).toBeGreaterThanOrEqual(0)
    expect(steps).toEqual(steps.toSorted((a, b) => a - b))
    // All of the transaction is behind the bytes.
    expect(at('pwrite64(', 'index.db-wal>')).toBeGreaterThan(steps[2] ?? Infinity)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
