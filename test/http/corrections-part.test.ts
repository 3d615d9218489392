import { startCorrector } from '../../src/archive/correct.ts'
import { type CorrectionPolicies, everyKind } from '../../src/archive/correct-policy.ts'
import type { DataSet } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { correctionRoutes } from '../../src/http/admin-corrections.ts'
import { ct, sr, type Sample } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'

// A study into which instances of another patient got: they leave for a study of their own.

interface PartWorld extends World {
  propose(body: object, preview?: boolean): Promise<{ status: number; body: Record<string, unknown> }>
  settled(id: unknown): Promise<Record<string, unknown>>
}

async function startParting(
  engine: 'sqlite' | 'postgres',
  policies: CorrectionPolicies = everyKind('auto'),
): Promise<PartWorld> {
  const faults: unknown[] = []
  let stop = (): Promise<void> => Promise.resolve()
  const world = await startWorld({
    engine,
    more: (archive) => {
      const corrector = startCorrector(archive, { limits: {}, note: 'identity' }, ({ error }) => {
        if (error !== undefined) faults.push(error)
      })
      stop = () => corrector.stop()
      return [{ at: '/admin', router: correctionRoutes(archive, policies, corrector), access: 'admin' }]
    },
  })
  return {
    ...world,
    async propose(body, preview = false) {
      const path = `/admin/corrections${preview ? '?preview=true' : ''}`
      const headers = { 'Content-Type': 'application/json' }
      const answer = await world.ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
      return { status: answer.status, body: answer.json() as Record<string, unknown> }
    },
    async settled(id) {
      let row: Record<string, unknown> = {}
      await until(async () => {
        row = (await world.get(`/admin/corrections/${String(id)}`)).json() as Record<string, unknown>
        return row['state'] !== 'approved' && row['state'] !== 'running'
      })
      return row
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await world[Symbol.asyncDispose]()
      if (faults.length > 0) throw new AggregateError(faults, 'faults of the corrector')
    },
  }
}

const at = ({ study, series, instance }: Sample['uids']): string =>
  `/dicomweb/studies/${study}/series/${series}/instances/${instance}`

interface Mixed {
  readonly study: string
  readonly right: Sample
  readonly wrong: readonly Sample[]
  /** Of the wrong patient: it cites its own images, and by mistake one of the right patient. */
  readonly report: Sample
}

function mixedStudy(): Mixed {
  const right = ct({ PatientID: 'RIGHT', PatientName: 'Right^One' })
  const StudyInstanceUID = right.uids.study
  const other = { StudyInstanceUID, PatientID: 'WRONG', PatientName: 'Wrong^One' }
  const first = ct(other)
  const second = ct({ ...other, SeriesInstanceUID: first.uids.series })
  const reference = ({ uids }: Sample): object => ({
    ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    ReferencedSOPInstanceUID: uids.instance,
  })
  const evidence = [
    { SeriesInstanceUID: first.uids.series, ReferencedSOPSequence: [first, second].map(reference) },
    { SeriesInstanceUID: right.uids.series, ReferencedSOPSequence: [reference(right)] },
  ]
  const report = sr({
    ...other,
    CurrentRequestedProcedureEvidenceSequence: [
      { StudyInstanceUID, ReferencedSeriesSequence: evidence as never },
    ],
  })
  return { study: StudyInstanceUID, right, wrong: [first, second], report }
}

/** What the report says of each study that it cites: how many of its instances. */
function citations(bytes: Buffer): Record<string, string[]> {
  const studies = (readPart10(bytes).dataSet['0040A375']?.Value ?? []) as DataSet[]
  return Object.fromEntries(
    studies.map((study) => [
      study['0020000D']?.Value?.[0] as string,
      ((study['00081115']?.Value ?? []) as DataSet[]).flatMap((series) =>
        ((series['00081199']?.Value ?? []) as DataSet[]).map((one) => one['00081155']?.Value?.[0] as string),
      ),
    ]),
  )
}

describe.each(['sqlite', 'postgres'] as const)('a part of a study (%s)', (engine) => {
  it('leaves for a study of its own, all at once, and what comes later of it follows', async () => {
    await using world = await startParting(engine)
    const { study, right, wrong, report } = mixedStudy()
    await world.store(right, ...wrong, report)
    const flagged = async (): Promise<string[]> =>
      (await world.archive.database.attention.list({ open: true, limit: 9 })).map(({ reason }) => reason)
    expect(await flagged()).toContain('mixed-patients')
    const part = { series: [wrong[0]!.uids.series, report.uids.series] }
    const wanted = { study, part, attributes: { AccessionNumber: 'A-7' } }
    expect(await world.propose(wanted, true)).toMatchObject({
      status: 200,
      body: {
        preview: {
          ...{ instances: 3, series: 2, identity: true, kinds: ['identity', 'study'] },
          ...{ stays: { instances: 1, series: 1 }, part: { instances: [] } },
        },
      },
    })
    const proposed = await world.propose(wanted)
    expect(proposed.status).toBe(201)
    const newStudy = String(proposed.body['newStudy'])
    expect(newStudy).toMatch(/^2\.25\.\d+$/u)
    expect(await world.settled(proposed.body['id'])).toMatchObject({ state: 'done', newStudy })

    const rows = await world.qido('/studies?includefield=AccessionNumber')
    const said = rows.map((row) => [row['0020000D']?.Value?.[0], row['00100020']?.Value?.[0]])
    expect(said.sort()).toEqual([[study, 'RIGHT'], [newStudy, 'WRONG']].sort()) // prettier-ignore
    expect(await world.qido(`/studies/${study}/instances`)).toHaveLength(1)
    expect(await world.qido(`/studies/${newStudy}/instances?AccessionNumber=A-7`)).toHaveLength(3)
    expect(await flagged()).not.toContain('mixed-patients')
    const pairs = await world.archive.database.corrections.made(String(proposed.body['id']))
    const madeOf = new Map(pairs.map(([source, made]) => [source.uids.instance, made.uids]))
    for (const sample of [...wrong, report])
      expect((await world.get(`${at(sample.uids)}/original`)).body.equals(sample.bytes)).toBe(true)
    // References follow what left, and those to what stayed are where it stays.
    const made = madeOf.get(report.uids.instance)!
    expect(citations((await world.get(`${at(made)}/original`)).body)).toEqual({
      [newStudy]: wrong.map(({ uids }) => madeOf.get(uids.instance)?.instance),
      [study]: [right.uids.instance],
    })
    // The originals are rejected by a note in the study that they were in.
    const { index } = world.archive.database
    const [[note] = []] = await Array.fromAsync(
      index.instances({ study }, { states: ['rejected'], tags: true }),
    )
    for (const { uids } of [...wrong, report]) expect(note?.tags?.toString()).toContain(uids.instance)
    expect(note?.tags?.toString()).not.toContain(right.uids.instance)

    const late = ct({
      ...{ StudyInstanceUID: study, SeriesInstanceUID: wrong[0]!.uids.series },
      ...{ PatientID: 'WRONG', PatientName: 'Wrong^One' },
    })
    await world.store(late)
    await world.settled(proposed.body['id'])
    expect(await world.qido(`/studies/${newStudy}/instances?AccessionNumber=A-7`)).toHaveLength(4)
    expect(await world.qido('/series?PatientID=WRONG')).toHaveLength(2)
    expect(await Array.fromAsync(world.archive.database.inspection.levels())).toEqual([])
    expect(await world.archive.database.inspection.relations()).toEqual([])
    const lineage = JSON.stringify((await world.get(`/lineage/studies/${newStudy}`)).json())
    for (const { uids } of wrong) expect(lineage).toContain(uids.instance)
  })
})

describe('a part of a study', () => {
  it('may be single instances, with nothing else to be changed', async () => {
    await using world = await startParting('sqlite')
    const { study, wrong, right } = mixedStudy()
    await world.store(right, ...wrong)
    const { status, body } = await world.propose({ study, part: { instances: [wrong[0]!.uids.instance] } })
    expect(status).toBe(201)
    await world.settled(body['id'])
    expect(await world.qido(`/studies/${String(body['newStudy'])}/instances`)).toHaveLength(1)
    expect(await world.qido(`/studies/${study}/instances`)).toHaveLength(2)
  })

  it('must be there, and not be everything', async () => {
    await using world = await startParting('sqlite')
    const { study, wrong, right } = mixedStudy()
    await world.store(right, ...wrong)
    const statusOf = async (part: unknown): Promise<number> => (await world.propose({ study, part })).status
    expect(await statusOf({ series: ['9.9'] })).toBe(404)
    expect(await statusOf({ series: [wrong[0]!.uids.series, right.uids.series] })).toBe(409)
    for (const part of [{}, [], 'x', null, { series: 'x' }, { series: ['x'] }, { patients: ['1'] }])
      expect([part, await statusOf(part)]).toEqual([part, 400])
    // What cannot be told apart from the whole is no part.
    expect((await world.propose({ study })).status).toBe(400)
  })

  it('waits where the policy for identities says so, while demographics go on', async () => {
    await using world = await startParting('sqlite', {
      ...everyKind('auto'),
      identity: 'approve',
      study: 'off',
    })
    const { study, wrong, right } = mixedStudy()
    await world.store(right, ...wrong)
    const part = { series: [wrong[0]!.uids.series] }
    expect((await world.propose({ study, part })).body).toMatchObject({ state: 'proposed' })
    const order = await world.propose({ study: right.uids.study, attributes: { AccessionNumber: 'X' } })
    expect(order.status).toBe(409)
    const alone = ct()
    await world.store(alone)
    const sex = await world.propose({ study: alone.uids.study, attributes: { PatientSex: 'M' } })
    expect(sex.body).toMatchObject({ state: 'approved', decidedBy: 'policy' })
  })
})
