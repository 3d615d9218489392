/** An archive with some of everything in it, to be looked at, spoilt and put right. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeptArchive } from '../../src/archive/archive.ts'
import { repair, type Action, type RepairOptions } from '../../src/archive/repair.ts'
import { createIntake, type Intake, storeInstances } from '../../src/archive/store.ts'
import { emptyTally, verify, type Tally, type VerifyOptions } from '../../src/archive/verify.ts'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import type { BlobVault } from '../../src/blobs/ports.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { IndexedInstance } from '../../src/database/ports/instance.ts'
import type { Finding } from '../../src/database/ports/inspection.ts'
import { openSqlite } from '../../src/database/sqlite.ts'
import type { Bench, MakeBench } from '../database/bench.ts'
import { sqliteBench, sqliteBenchOf } from '../database/benches.ts'
import { bare, ct, jpeg, mr, pdf, secondaryCapture, series, sr, us } from '../samples.ts'

/** Smaller ones go into segments, so that samples lie in either. */
const THRESHOLD = 1500
const HOUR = 3_600_000

type OpenArchive = KeptArchive & { readonly database: Database; readonly blobs: BlobVault }

export interface Kept extends AsyncDisposable {
  readonly archive: KeptArchive
  readonly bench: Bench
  readonly folder: string
  store(...files: readonly Buffer[]): Promise<void>
  sql(text: string): Promise<Record<string, unknown>[]>
  verify(options?: Partial<VerifyOptions>): Promise<{ findings: Finding[]; tally: Tally }>
  repair(options?: Partial<RepairOptions>): Promise<Action[]>
  /** An active instance whose blob is a file of its own, or a record of a segment. */
  instanceIn(kind: 'file' | 'segment'): Promise<IndexedInstance>
  /** Changes the bytes of a blob where they lie, behind the back of everybody. */
  spoil(key: string, change: (bytes: Buffer) => Buffer): Promise<void>
}

/** `openBlobs`: somewhere else than in the folder. */
export async function keptArchive(makeBench: MakeBench, openBlobs?: () => Promise<BlobVault>): Promise<Kept> {
  if (makeBench === sqliteBench && openBlobs === undefined) return copiedArchive()
  const folder = await newFolder()
  const bench = await makeBench()
  const database = await bench.open()
  const kept = keptOf(bench, database, (await openBlobs?.()) ?? (await openBlobsIn(folder)), folder)
  await fill(kept.archive, folder)
  return kept
}

let filled: Promise<string> | undefined
afterAll(async () => {
  if (filled !== undefined) await rm(await filled, { recursive: true })
})

/** A copy of one that is filled once: that takes longer than most of what is asked of it. */
async function copiedArchive(): Promise<Kept> {
  filled ??= filledFolder()
  const template = await filled
  const folder = await newFolder()
  await cp(join(template, 'blobs'), join(folder, 'blobs'), { recursive: true })
  const bench = await sqliteBenchOf(join(template, 'index.db'))
  return keptOf(bench, await bench.open(), await openBlobsIn(folder), folder)
}

async function filledFolder(): Promise<string> {
  const folder = await newFolder()
  const database = await openSqlite({ path: join(folder, 'index.db'), readers: 1 })
  const blobs = await openBlobsIn(folder)
  await fill({ database, blobs, now: () => new Date() }, folder)
  await database.close()
  await blobs.close()
  return folder
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-kept-'))
  await mkdir(join(folder, 'spool'))
  return folder
}

const openBlobsIn = (folder: string): Promise<BlobVault> =>
  openFolderBlobs({ path: join(folder, 'blobs'), segmentThreshold: THRESHOLD })

async function fill(archive: OpenArchive, folder: string): Promise<void> {
  await storeInstances(intakeOf(archive, folder), everything(), { sender: 'TEST' })
  while ((await archive.database.ledger.sequence()) > 0);
}

function keptOf(bench: Bench, database: Database, blobs: BlobVault, folder: string): Kept {
  const archive = { database, blobs, now: () => new Date() }
  return {
    ...{ archive, bench, folder },
    ...ways(archive, bench, folder),
    async [Symbol.asyncDispose]() {
      await bench.close()
      await blobs.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Studies whose instances agree and disagree, of every kind of sample, and one that must go into quarantine. */
export function everything(): Buffer[] {
  const one = { StudyInstanceUID: '1.2.3', SeriesInstanceUID: '1.2.3.1' }
  const mixed = {
    ...one,
    SeriesInstanceUID: '1.2.3.2',
    SeriesNumber: 2,
    PatientID: 'OTHER',
    AccessionNumber: 'Ü 2',
  }
  const again = ct({ ...one, SOPInstanceUID: '1.2.3.1.1' })
  return [
    ...series(ct, 4, one),
    ...series(ct, 2, mixed),
    mr({ ...mixed, SOPInstanceUID: '1.2.3.2.9', SeriesDescription: 'T2', PatientName: 'Müller^Jörg' }),
    ...series(mr, 3, { PatientID: undefined, PatientName: null }),
    ...Array.from({ length: 70 }, (_, n) => ct({ StudyInstanceUID: '1.2.4', SeriesInstanceUID: '1.2.4.1', StationName: `STATION ${n}` })), // prettier-ignore
    ...[us(), jpeg({ NumberOfFrames: 3 }), sr(), pdf(), secondaryCapture({ PatientID: 'OTHER' })],
    bare({ '00091001': { vr: 'LO', Value: ['private'] }, '00090010': { vr: 'LO', Value: ['MAKER'] } }),
    again,
    ct({ ...one, SOPInstanceUID: '1.2.3.1.1', PatientName: 'Somebody^Else' }),
  ].map(({ bytes }) => bytes)
}

const intakeOf = (archive: OpenArchive, folder: string): Intake =>
  createIntake(archive, {
    spoolDir: join(folder, 'spool'),
    memoryBytes: 2 ** 24,
    partBytes: 2 ** 30,
    headerBytes: 2 ** 26,
    onBug: (error) => {
      throw error
    },
  })

function ways(archive: OpenArchive, bench: Bench, folder: string) {
  const intake = intakeOf(archive, folder)
  return {
    async store(...files: readonly Buffer[]) {
      await storeInstances(intake, files, { sender: 'TEST' })
    },
    sql: (text: string) => bench.sql(text),
    async verify(options: Partial<VerifyOptions> = {}) {
      const tally = emptyTally()
      const all = { deep: false, sample: 1, graceMs: 24 * HOUR, limits: {}, ...options }
      return { findings: await Array.fromAsync(verify(archive, all, tally)), tally }
    },
    repair: (options: Partial<RepairOptions> = {}) =>
      Array.fromAsync(
        repair(archive, { apply: true, adopt: true, graceMs: 24 * HOUR, limits: {}, ...options }),
      ),
    async instanceIn(kind: 'file' | 'segment') {
      const prefix = kind === 'file' ? 'f/' : 's/'
      for await (const page of archive.database.index.instances({}))
        for (const instance of page) if (instance.extents[0]?.key.startsWith(prefix) === true) return instance
      throw new Error(`no instance lies in a ${kind}`)
    },
    async spoil(key: string, change: (bytes: Buffer) => Buffer) {
      const { path, start, end } = await placeOf(join(folder, 'blobs'), key)
      const bytes = await readFile(path)
      const stop = end ?? bytes.length
      await chmod(path, 0o600)
      await writeFile(
        path,
        Buffer.concat([bytes.subarray(0, start), change(bytes.subarray(start, stop)), bytes.subarray(stop)]),
      )
    },
  }
}

/** Where the payload of a key lies, found without the code that put it there. */
async function placeOf(folder: string, key: string): Promise<{ path: string; start: number; end?: number }> {
  const [kind, id = '', offset = '', length = ''] = key.split('/')
  if (kind === 's') {
    const start = parseInt(offset, 16) + 80
    return { path: join(folder, 'segments', `${id}.seg`), start, end: start + parseInt(length, 16) }
  }
  const names = await readdir(join(folder, 'files'), { recursive: true })
  const name = names.find((candidate) => candidate.endsWith(id))
  if (name === undefined) throw new Error('no such file')
  return { path: join(folder, 'files', name), start: 0 }
}

/** Turns one bit of the last byte round. */
export function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  return changed
}
