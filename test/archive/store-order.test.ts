import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { traceCalls } from '../system-calls.ts'

const CHILD = fileURLToPath(new URL('./one-go-child.ts', import.meta.url))

it('makes the bytes of an instance durable, then the transaction that tells of them, then says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'concord-order-'))
  try {
    const traced = traceCalls(['openat', 'pwrite64', 'write', 'fsync', 'fdatasync'], [CHILD, folder])
    if (traced === null) return
    const begun = traced.calls.findIndex((call) => call.startsWith('write(1<') && call.includes('begun'))
    const calls = traced.calls.slice(begun)
    const at = (...parts: string[]): number =>
      calls.findIndex((call) => parts.every((part) => call.includes(part)))
    const steps = [
      at('openat(', '.seg', 'O_DSYNC'),
      at('fsync(', '/segments>'),
      at('pwrite64(', '.seg>', 'CNCR'),
      // All of the transaction is behind the bytes.
      at('pwrite64(', 'index.db-wal>'),
      at('sync(', 'index.db-wal>'),
      at('write(1<', 'acknowledged stored'),
    ]
    for (const step of steps) expect(step).toBeGreaterThanOrEqual(0)
    expect(steps).toEqual(steps.toSorted((a, b) => a - b))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
