import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Archive } from '../../src/archive/archive.ts'
import { startCorrector } from '../../src/archive/correct.ts'
import type { CorrectSettings } from '../../src/archive/correct-note.ts'
import { type CorrectionPolicy, everyKind } from '../../src/archive/correct-policy.ts'
import { fileOf } from '../../src/archive/retrieve.ts'
import type { DataSet } from '../../src/dicom/data-set.ts'
import { pixelStream } from '../../src/dicom/frames.ts'
import { readPixelMap } from '../../src/dicom/pixel-map.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { correctionRoutes } from '../../src/http/admin-corrections.ts'
import { buffer } from 'node:stream/consumers'
import { corpusFile, hasCorpus } from '../dicom/corpus.ts'
import { ct, series, sr, type Sample } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'
import { sha256 } from './parts.ts'

interface CorrectingWorld extends World {
  propose(body: object, preview?: boolean): Promise<{ status: number; body: Record<string, unknown> }>
  /** Waits until nothing is left to be carried out, and gives the correction. */
  settled(id: string): Promise<Record<string, unknown>>
}

async function startCorrecting(
  engine: 'sqlite' | 'postgres',
  policy: CorrectionPolicy = 'auto',
  settings: Partial<CorrectSettings> = {},
): Promise<CorrectingWorld> {
  const faults: unknown[] = []
  let stop = (): Promise<void> => Promise.resolve()
  const world = await startWorld({
    engine,
    more: (archive: Archive) => {
      const corrector = startCorrector(
        archive,
        { limits: {}, note: 'identity', ...settings },
        ({ error }) => {
          if (error !== undefined) faults.push(error)
        },
      )
      stop = () => corrector.stop()
      return [
        { at: '/admin', router: correctionRoutes(archive, everyKind(policy), corrector), access: 'admin' },
      ]
    },
  })
  const json = { 'Content-Type': 'application/json' }
  const { corrections } = world.archive.database
  return {
    ...world,
    async propose(body, preview = false) {
      const path = `/admin/corrections${preview ? '?preview=true' : ''}`
      const answer = await world.ask(path, { method: 'POST', headers: json, body: JSON.stringify(body) })
      return { status: answer.status, body: answer.json() as Record<string, unknown> }
    },
    async settled(id) {
      await until(async () => !['approved', 'running'].includes((await corrections.get(id))?.state ?? 'gone'))
      return (await world.get(`/admin/corrections/${id}`)).json() as Record<string, unknown>
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await world[Symbol.asyncDispose]()
      if (faults.length > 0) throw new AggregateError(faults, 'faults of the corrector')
    },
  }
}

const at = ({ uids }: Pick<Sample, 'uids'>): string =>
  `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`

async function pixelsOf(world: World, bytes: Buffer): Promise<string | null> {
  const { pixelMap } = readPart10(bytes)
  if (pixelMap === null) return null
  const { store } = { store: world.archive.blobs.name }
  const open = fileOf(
    { blobs: { ...world.archive.blobs, get: inMemory(bytes) } },
    {
      extents: [{ store, key: '', offset: 0, length: bytes.length }],
      size: bytes.length,
    },
  )
  return sha256(await buffer(await pixelStream(open, readPixelMap(pixelMap))))
}

function inMemory(bytes: Buffer): World['archive']['blobs']['get'] {
  return async (_key, { offset, length } = { offset: 0, length: bytes.length }) => {
    const { Readable } = await import('node:stream')
    return Readable.from([bytes.subarray(offset, offset + length)], { objectMode: false })
  }
}

function studyOf(bytes: Buffer): { study: string; files: readonly Sample[] } {
  const images = series(ct, 3, { PatientName: 'Wrong^Name' }, { pixels: { bytes } })
  const [first] = images
  if (first === undefined) throw new Error('no sample')
  const report = sr({
    StudyInstanceUID: first.uids.study,
    PatientName: 'Wrong^Name',
    CurrentRequestedProcedureEvidenceSequence: [
      {
        StudyInstanceUID: first.uids.study,
        ReferencedSeriesSequence: [
          {
            SeriesInstanceUID: first.uids.series,
            ReferencedSOPSequence: images.map(({ uids }) => ({
              ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
              ReferencedSOPInstanceUID: uids.instance,
            })),
          },
        ],
      },
    ],
  })
  return { study: first.uids.study, files: [...images, report] }
}

const blobBytes = async (world: World): Promise<number> => {
  let sum = 0
  for (let after = 0; ;) {
    const rows = await world.archive.database.inspection.blobs(after, 500)
    for (const { size } of rows) sum += size
    if (rows.length < 500) return sum
    after = rows.at(-1)?.id ?? after
  }
}

/** What is found is new, and right. */
async function checkFound(world: World): Promise<void> {
  const rows = await world.qido(`/instances?PatientID=RIGHT&includefield=SeriesInstanceUID`)
  expect(rows).toHaveLength(4)
  expect(await world.qido('/instances?PatientID=SAMPLE-1')).toEqual([])
  expect(await world.qido('/patients')).toHaveLength(1)
  expect(await world.qido('/instances?PatientID=SAMPLE-1&includeSuperseded=true')).toHaveLength(4)
  expect(await world.qido('/series')).toHaveLength(2)
}

/** The originals are bit for bit what they were, and the new ones differ from them as they should. */
async function checkFiles(world: World, files: readonly Sample[], correction: string): Promise<void> {
  const { corrections } = world.archive.database
  for (const [source, made] of await corrections.made(correction)) {
    const file = files.find(({ uids }) => uids.instance === source.uids.instance)
    const original = await world.get(`${at(source)}/original`)
    expect(original.body.equals(file?.bytes ?? Buffer.alloc(0))).toBe(true)
    const corrected = (await world.get(`${at(made)}/original`)).body
    expect(sha256(corrected)).toBe(made.fileSha256)
    expect(await pixelsOf(world, corrected)).toBe(await pixelsOf(world, original.body))
    const { dataSet } = readPart10(corrected)
    expect([dataSet['00100010']?.Value, dataSet['00100020']?.Value]).toEqual([
      [{ Alphabetic: 'Right^Name' }],
      ['RIGHT'],
    ])
    expect(made.uids.study).toBe(source.uids.study)
    expect(made.uids.instance).toMatch(/^2\.25\.\d+$/u)
    const text = JSON.stringify({ ...dataSet, '04000561': 0, '00082112': 0, '0040A360': 0 })
    for (const { uids } of files) {
      expect(text).not.toContain(uids.instance)
      expect(text).not.toContain(uids.series)
    }
    const [item] = dataSet['04000561']?.Value as DataSet[]
    const [modified] = item?.['04000550']?.Value as DataSet[]
    expect(modified?.['00080018']?.Value).toEqual([source.uids.instance])
    expect(modified?.['00100020']?.Value).toEqual(['SAMPLE-1'])
    dumped(world, corrected)
  }
}

describe.each(['sqlite', 'postgres'] as const)('a correction on %s', (engine) => {
  it('makes new instances that cite the originals, which stay as they are (fhir.md §7, 11)', async () => {
    await using world = await startCorrecting(engine)
    const { study, files } = studyOf(Buffer.alloc(1024 * 1024, 9))
    await world.store(...files)
    const before = await blobBytes(world)
    const wanted = {
      study,
      attributes: { PatientName: 'Right^Name', PatientID: 'RIGHT' },
      description: 'FHIR Patient/p1/_history/7',
    }
    const looked = await world.propose(wanted, true)
    expect(looked).toMatchObject({
      status: 200,
      body: {
        preview: {
          instances: 4,
          series: 2,
          identity: true,
          attributes: [
            {
              keyword: 'PatientName',
              before: [[{ Alphabetic: 'Wrong^Name' }]],
              after: [{ Alphabetic: 'Right^Name' }],
            },
            { keyword: 'PatientID', before: [['SAMPLE-1']], after: ['RIGHT'] },
          ],
        },
      },
    })
    const { status, body } = await world.propose(wanted)
    expect(status).toBe(201)
    expect(await world.settled(String(body['id']))).toMatchObject({ state: 'done', detail: { corrected: 4 } })

    await checkFound(world)
    await checkFiles(world, files, String(body['id']))
    // It costs headers, not pixels; and the note that rejects the originals is there and not seen.
    expect((await blobBytes(world)) - before).toBeLessThan(50_000)
    expect(await world.qido('/instances?Modality=KO')).toEqual([])
    const { index } = world.archive.database
    const states = ['rejected'] as const
    const [[note] = []] = await Array.fromAsync(index.instances({ study }, { states, tags: true }))
    expect(note?.tags?.toString()).toContain('113038')
    for (const { uids } of files) expect(note?.tags?.toString()).toContain(uids.instance)
    expect((await world.get(at({ uids: note?.uids ?? files[0]!.uids }))).status).toBe(200)
    expect(await Array.fromAsync(world.archive.database.inspection.levels())).toEqual([])
    expect(await world.archive.database.inspection.relations()).toEqual([])

    // The same again makes nothing new, and the same instances when it is sent once more.
    expect((await world.propose(wanted)).status).toBe(409)
    await world.store(...files)
    expect(await world.qido('/instances')).toHaveLength(4)
  })

  it('waits for an administrator, who may say no', async () => {
    await using world = await startCorrecting(engine, 'approve')
    const sample = ct()
    await world.store(sample)
    const { study } = sample.uids
    const first = await world.propose({ study, attributes: { PatientSex: 'M' } })
    expect(first.body).toMatchObject({ state: 'proposed' })
    expect((await world.propose({ study, attributes: { PatientSex: 'M' } })).status).toBe(200)
    const [row] = await world.archive.database.attention.list({ open: true, limit: 10 })
    expect(row).toMatchObject({ reason: 'correction-proposed', study })
    const decide = async (id: unknown, what: string): Promise<number> =>
      (await world.ask(`/admin/corrections/${String(id)}/${what}`, { method: 'POST' })).status
    expect(await decide(first.body['id'], 'reject')).toBe(202)
    expect(await decide(first.body['id'], 'approve')).toBe(409)
    expect(await decide('none', 'approve')).toBe(404)
    const second = await world.propose({ study, attributes: { PatientSex: 'M' } })
    expect([second.status, second.body['ordinal']]).toEqual([201, 2])
    expect(await decide(second.body['id'], 'approve')).toBe(202)
    expect(await world.settled(String(second.body['id']))).toMatchObject({ state: 'done' })
    expect(await world.qido('/studies?PatientSex=M')).toHaveLength(1)
    expect(await world.archive.database.attention.list({ open: true, limit: 10 })).toEqual([])
    // Nobody else was meant, so nothing is rejected.
    const pages = world.archive.database.index.instances({ study }, { states: ['rejected'] })
    expect(await Array.fromAsync(pages)).toEqual([])
  })

  it('catches what comes later with the old values, and corrects a correction', async () => {
    await using world = await startCorrecting(engine)
    const [one, two] = series(ct, 2)
    await world.store(one!)
    const { study } = one!.uids
    const first = await world.propose({ study, attributes: { PatientName: 'B' } })
    await world.settled(String(first.body['id']))
    await world.store(two!)
    await world.settled(String(first.body['id']))
    expect(await world.qido('/instances?PatientName=B')).toHaveLength(2)
    expect(await world.qido('/series')).toHaveLength(1)
    const second = await world.propose({ study, attributes: { PatientName: 'C' }, reason: 'COERCE' })
    await world.settled(String(second.body['id']))
    const rows = await world.qido('/instances?includefield=OriginalAttributesSequence')
    expect(rows).toHaveLength(2)
    for (const row of rows) {
      const items = row['04000561']?.Value as DataSet[]
      expect(items.map((item) => item['04000565']?.Value)).toEqual([['CORRECT'], ['COERCE']])
    }
    expect(await Array.fromAsync(world.archive.database.inspection.levels())).toEqual([])
  })

  it('changes nothing when one instance cannot be corrected, and says which', async () => {
    await using world = await startCorrecting(engine, 'auto', { limits: { headerBytes: 4096 } })
    const [one, two] = series(ct, 2)
    const large = ct({ StudyInstanceUID: one!.uids.study, ImageComments: 'x'.repeat(8000) })
    await world.store(one!, two!, large)
    const { body } = await world.propose({ study: one!.uids.study, attributes: { PatientName: 'B' } })
    expect(await world.settled(String(body['id']))).toMatchObject({
      state: 'failed',
      detail: { failures: [{ instance: large.uids.instance }] },
    })
    expect(await world.qido('/instances?PatientName=B')).toEqual([])
    expect(await world.qido('/instances')).toHaveLength(3)
    expect(await world.archive.database.attention.list({ open: true, limit: 1 })).toMatchObject([
      { reason: 'correction-failed' },
    ])
  })

  it('refuses what is no correction', async () => {
    await using world = await startCorrecting(engine)
    const sample = ct()
    await world.store(sample)
    const { study } = sample.uids
    const status = async (body: object): Promise<number> => (await world.propose(body)).status
    expect(await status({ study: '9.9', attributes: { PatientName: 'B' } })).toBe(404)
    expect(await status({ study, attributes: { PatientName: 'Doe^Jane' } })).toBe(409)
    for (const attributes of [
      { Rows: 7 },
      {},
      undefined,
      { PatientBirthDate: 'soon' },
      { PatientID: '' },
      { PatientName: 'a\\b' },
      { PatientSex: 'x'.repeat(20) },
      { PatientName: 7 },
    ])
      expect([attributes, await status({ study, attributes })]).toEqual([attributes, 400])
    expect(await status({ study, attributes: { PatientName: 'B' }, reason: 'WHY' })).toBe(400)
    expect(await status({ study: 'x', attributes: { PatientName: 'B' } })).toBe(400)
    const headers = { 'Content-Type': 'text/plain' }
    const wrong = await world.ask('/admin/corrections', { method: 'POST', headers, body: '{}' })
    expect(wrong.status).toBe(415)
  })
})

/** Of Debian's dcmtk. */
const DCMDUMP = '/usr/bin/dcmdump'

/** dcmtk reads the file without complaint. */
function dumped(world: World, bytes: Buffer): void {
  if (!existsSync(DCMDUMP)) return
  const path = join(world.folder, 'corrected.dcm')
  writeFileSync(path, bytes)
  const text = execFileSync(DCMDUMP, ['--load-all', path], {
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect(text).toContain('(0400,0561) SQ')
}

;(hasCorpus ? describe : describe.skip)('corrections of real files', () => {
  it('are found, retrieved and read by others', async () => {
    await using world = await startCorrecting('sqlite')
    const { corpusPaths } = await import('../dicom/corpus.ts')
    let done = 0
    const seen = new Set<string>()
    for (const path of corpusPaths().filter((_, n) => n % 12 === 0)) {
      const bytes = corpusFile(path)
      const answer = await world.stow([bytes])
      const [stored] = (answer.dataSet()['00081199']?.Value ?? []) as DataSet[]
      if (stored === undefined) continue
      const { uids } = readPart10(bytes)
      // What comes later of a corrected study may be corrected already.
      if (seen.has(uids.study)) continue
      seen.add(uids.study)
      const { body, status } = await world.propose({
        study: uids.study,
        attributes: { PatientName: `Fixed^No${done}` },
      })
      expect([path, status]).toEqual([path, 201])
      expect([path, await world.settled(String(body['id']))]).toMatchObject([path, { state: 'done' }])
      const pairs = await world.archive.database.corrections.made(String(body['id']))
      const made = pairs.find(([source]) => source.uids.instance === uids.instance)?.[1]
      expect([path, made?.state]).toEqual([path, 'active'])
      expect(
        await world.qido(`/instances?SOPInstanceUID=${made!.uids.instance}&PatientName=Fixed^No${done}`),
      ).toHaveLength(1)
      const corrected = (await world.get(`${at(made!)}/original`)).body
      expect([path, await pixelsOf(world, corrected)]).toEqual([path, await pixelsOf(world, bytes)])
      done++
    }
    expect(done).toBeGreaterThan(15)
  }, 120_000)
})
