/**
 * Kills the service again and again while clients store into it, and then asks for everything it ever acknowledged.
 *
 *   npm run test:crash -- --kills 50
 *   npm run test:crash -- --kills 20 --database postgres://… --blobs s3://bucket      (S3_… from the environment)
 *
 * Shown at the end: bytes equal, found by QIDO at all levels, on the FHIR server with exact counts, `verify` clean.
 * Exit status: 0 nothing was lost, 1 something was, 2 it could not be tried.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { makeInstance, type MadeInstance } from './crash/instances.ts'
import { freePort, runToEnd, startService, type Service } from './running-service.ts'
import { startFhirStandIn } from './stand-ins/fhir-server.ts'

interface Options {
  readonly kills: number
  readonly clients: number
  readonly database: string | undefined
  readonly blobs: string | undefined
  readonly seed: number
}

interface Run {
  readonly base: string
  /** What was acknowledged, by SOP Instance UID. */
  readonly acknowledged: Map<string, MadeInstance>
  /** Sent without an answer: may be there or not, but never half. */
  readonly inDoubt: Map<string, MadeInstance>
  next: number
  stopped: boolean
}

const STUDIES = 12

async function main(options: Options): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-crash-'))
  const fhir = await startFhirStandIn()
  const port = await freePort()
  const env = {
    PORT: String(port),
    DATA_DIR: folder,
    FHIR_URL: fhir.url,
    FHIR_QUIET_MS: '200',
    FHIR_MAX_WAIT_MS: '1000',
    LOG_LEVEL: 'error',
    ...(options.database !== undefined && { DATABASE_URL: options.database }),
    ...(options.blobs !== undefined && { BLOB_URL: options.blobs }),
  }
  const run: Run = {
    base: `http://127.0.0.1:${port}/dicomweb`,
    acknowledged: new Map(),
    inDoubt: new Map(),
    next: 0,
    stopped: false,
  }
  let service = await startService(env)
  try {
    const clients = Array.from({ length: options.clients }, (_, client) => storeUntilStopped(run, client))
    for (let kill = 1; kill <= options.kills; kill++) {
      await sleep(60 + ((options.seed * 7919 + kill * 104729) % 400))
      await service.kill()
      service = await startService(env)
      if (kill % 10 === 0)
        say(`${kill} kills, ${run.acknowledged.size} acknowledged, ${run.inDoubt.size} in doubt`)
    }
    run.stopped = true
    await Promise.all(clients)
    return await judge(run, service, fhir.url, env)
  } finally {
    run.stopped = true
    await service.stop()
    await fhir.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** One client: batches of one to eight instances, each sent until it is answered. */
async function storeUntilStopped(run: Run, client: number): Promise<void> {
  while (!run.stopped) {
    const size = 1 + (run.next % 8)
    const batch = Array.from({ length: size }, () => makeInstance(run.next++, STUDIES))
    for (const instance of batch) run.inDoubt.set(instance.sop, instance)
    const answer = await storeUntilAnswered(run, `crash-${client}-${run.next}`, batch)
    for (const item of answer?.['00081199']?.Value ?? []) {
      const sop = item['00081155']?.Value?.[0] ?? ''
      const instance = run.inDoubt.get(sop)
      if (instance === undefined) continue
      run.inDoubt.delete(sop)
      run.acknowledged.set(sop, instance)
    }
  }
}

/** Sends the same batch again until there is an answer, as a PACS does; null when the run ends before. */
async function storeUntilAnswered(
  run: Run,
  boundary: string,
  batch: readonly MadeInstance[],
): Promise<StoreResponse | null> {
  const body = multipart(boundary, batch)
  const headers = { 'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}` }
  while (!run.stopped) {
    const answer = await fetch(`${run.base}/studies`, { method: 'POST', headers, body }).then(
      async (response) => (await response.json()) as StoreResponse,
      () => null,
    )
    if (answer !== null) return answer
    await sleep(20)
  }
  return null
}

type StoreResponse = Record<string, { Value?: Record<string, { Value?: string[] }>[] } | undefined>

function multipart(boundary: string, batch: readonly MadeInstance[]): Buffer {
  const parts = batch.flatMap(({ bytes }) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)])
}

async function judge(
  run: Run,
  service: Service,
  fhirUrl: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const faults: string[] = []
  for (const instance of run.acknowledged.values()) {
    const response = await fetch(`${run.base}${instance.path}/original`)
    const bytes = Buffer.from(await response.arrayBuffer())
    if (response.status !== 200) faults.push(`${instance.sop}: ${response.status} for acknowledged bytes`)
    else if (sha256(bytes) !== sha256(instance.bytes)) faults.push(`${instance.sop}: other bytes`)
  }
  faults.push(...(await searchFaults(run)), ...(await fhirFaults(run, fhirUrl)))
  await service.stop()
  const verify = await runToEnd('scripts/verify.ts', ['--deep'], env)
  if (verify.status !== 0) faults.push(`verify --deep: exit ${verify.status}\n${verify.output}`)
  for (const fault of faults.slice(0, 20)) say(`LOST OR WRONG: ${fault}`)
  say(
    `${run.acknowledged.size} acknowledged, ${run.inDoubt.size} in doubt, ` +
      `${faults.length} lost or wrong; verify ${verify.status === 0 ? 'clean' : 'NOT clean'}`,
  )
  return faults.length === 0 && run.acknowledged.size > 0 ? 0 : 1
}

/** Every acknowledged instance is found at all three levels. */
async function searchFaults(run: Run): Promise<string[]> {
  const acknowledged = [...run.acknowledged.values()]
  const faults: string[] = []
  for (const [study, instances] of Map.groupBy(acknowledged, (one) => one.study)) {
    const counted = numberIn(await search(run, `/studies?StudyInstanceUID=${study}`), '00201208')
    const rows = await search(run, `/studies/${study}/instances`)
    const found = new Set(rows.map((row) => row['00080018']?.Value?.[0]))
    faults.push(
      ...instances.filter(({ sop }) => !found.has(sop)).map(({ sop }) => `${sop}: not found by QIDO`),
    )
    if (found.size !== counted) faults.push(`study ${study}: ${found.size} instances, counts ${counted}`)
  }
  for (const [series, instances] of Map.groupBy(acknowledged, (one) => one.series)) {
    const counted = numberIn(await search(run, `/series?SeriesInstanceUID=${series}`), '00201209')
    if (counted < instances.length) faults.push(`series ${series}: counts ${counted} of ${instances.length}`)
  }
  return faults
}

function numberIn(rows: readonly Row[], tag: string): number {
  return Number(rows[0]?.[tag]?.Value?.[0] ?? 0)
}

/** In the end the FHIR server has one ImagingStudy a study, with the index's own counts. */
async function fhirFaults(run: Run, fhirUrl: string): Promise<string[]> {
  const deadline = Date.now() + 60_000
  let faults: string[] = []
  do {
    faults = []
    for (const row of await search(run, '/studies')) {
      const study = String(row['0020000D']?.Value?.[0])
      const answer = (await (
        await fetch(`${fhirUrl}/ImagingStudy?identifier=urn:dicom:uid|urn:oid:${study}`)
      ).json()) as { entry?: { resource: { numberOfInstances?: number } }[] }
      const counts = answer.entry?.map(({ resource }) => resource.numberOfInstances) ?? []
      const wanted = Number(row['00201208']?.Value?.[0])
      if (counts.length !== 1 || counts[0] !== wanted) {
        faults.push(`ImagingStudy of ${study}: [${counts.join()}], wanted [${wanted}]`)
      }
    }
    if (faults.length > 0) await sleep(500)
  } while (faults.length > 0 && Date.now() < deadline)
  return faults
}

type Row = Record<string, { Value?: unknown[] } | undefined>

async function search(run: Run, path: string): Promise<Row[]> {
  const response = await fetch(run.base + path)
  if (response.status !== 200) throw new Error(`${response.status} for a search`)
  return (await response.json()) as Row[]
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function say(line: string): void {
  process.stdout.write(`crash: ${line}\n`)
}

const program = new Command('crash')
  .description(
    'Kills the service at random while clients store, and asks for everything that was acknowledged.',
  )
  .option('--kills <n>', 'how many times', Number, 50)
  .option('--clients <n>', 'how many clients store at the same time', Number, 4)
  .option('--database <url>', 'DATABASE_URL; default: SQLite in a folder of its own')
  .option('--blobs <url>', 'BLOB_URL; default: a folder of its own')
  .option('--seed <n>', 'of the moments of the kills', Number, 1)
  // Not understood is not done.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.opts())
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exitCode = 2
}
