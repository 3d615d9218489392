/**
 * A service in a process of its own, with so many instances that time tells: made by code, sent in batches. Run by the
 * tests as a program, for jest's contexts are slow at arithmetic. Says its address in one line and stays until its input ends.
 *
 *   node scripts/run.cjs test/browser/large-archive.ts 100000
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stow } from '../../scripts/bench/http-client.ts'
import { madeInstance } from '../../scripts/bench/made-instances.ts'
import { allIn, freePort, startService } from '../../scripts/running-service.ts'

const BATCH = 200
const SENDERS = 3

const wanted = Number(process.argv[2] ?? 1000)
const folder = await mkdtemp(join(tmpdir(), 'concord-large-'))
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const service = await startService({
  HOST: '127.0.0.1',
  PORT: String(port),
  PUBLIC_URL: url,
  ...allIn(folder),
  FHIR_URL: '',
  LOG_LEVEL: 'warn',
})
let next = 0
await Promise.all(
  Array.from({ length: SENDERS }, async () => {
    while (next < wanted) {
      const first = next
      next += BATCH
      const size = Math.min(BATCH, wanted - first)
      const answer = await stow(
        `${url}/dicomweb`,
        Array.from({ length: size }, (_, at) => madeInstance(first + at)),
      )
      if (answer.status !== 200) throw new Error(`STOW answered ${answer.status}`)
    }
  }),
)
process.stdout.write(`${url}\n`)
process.stdin.resume().once('end', () => {
  void service.stop().then(() => rm(folder, { recursive: true, force: true }))
})
