import { usePrivateElements } from '../../src/dicom/private-dictionary.ts'
import { ExplicitVRLittleEndian, ImplicitVRLittleEndian } from '../../src/dicom/transfer-syntax.ts'
import { ct } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

/** Values of a creator that no dictionary knows, in implicit VR and, under another UID, in explicit VR. */
const creator = { vr: 'LO' as const, Value: ['ACME 1.1'] }
const attributes = {
  '00190010': creator,
  '00191010': { vr: 'DS' as const, Value: [1.5, 7] },
  '00191011': { vr: 'DA' as const, Value: ['20260314'] },
  '00191012': { vr: 'PN' as const, Value: [{ Alphabetic: 'Doe^Jane' }] },
  '00191013': { vr: 'US' as const, Value: [512] },
  '00191014': { vr: 'LO' as const, Value: ['one', 'two'] },
  '00191015': {
    vr: 'SQ' as const,
    Value: [{ '00190010': creator, '00191010': { vr: 'DS' as const, Value: [2.5] } }],
  },
}
const vrs = { 0x10: 'DS', 0x11: 'DA', 0x12: 'PN', 0x13: 'US', 0x14: 'LO', 0x15: 'SQ' } as const

it('private elements are found by, and returned for, a creator with a comma in its name', async () => {
  await using world = await startWorld()
  const sample = ct({
    '00190010': { vr: 'LO', Value: ['NAME, Inc.'] },
    '00191001': { vr: 'LO', Value: ['one'] },
  })
  await world.store(sample, ct())
  const name = '0019xx01;NAME%2C%20Inc.'
  const shown = { '00191001': { vr: 'LO', Value: ['one'] }, '00280010': expect.anything() as unknown }
  expect(await world.qido(`/instances?includefield=${name}%2CRows&Modality=CT`)).toContainEqual(
    expect.objectContaining(shown),
  )
  for (const value of ['one', '', '*']) {
    const rows = await world.qido(`/instances?${name}=${value}`)
    expect(rows.filter((row) => row['00191001'] !== undefined)).toHaveLength(1)
  }
})

describe('private elements that the site explains', () => {
  let world: World
  beforeAll(async () => {
    usePrivateElements(
      Object.entries(vrs).map(([element, vr]) => ({
        creator: 'ACME 1.1',
        group: 0x19,
        element: Number(element),
        vr,
      })),
    )
    world = await startWorld()
    for (const TransferSyntaxUID of [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
      await world.store(ct(attributes, { TransferSyntaxUID }))
    await world.store(ct())
  })
  afterAll(async () => {
    usePrivateElements([])
    await world[Symbol.asyncDispose]()
  })

  it.each([
    ['0019xx10;ACME 1.1=1.50', 2],
    ['00190010=ACME 1.1&00191010=7', 2],
    // Lists are written as their VR has them (QIDO-33).
    ['0019xx10;ACME 1.1=3,7.0', 2],
    ['0019xx10;ACME 1.1=1.6', 0],
    ['0019xx11;ACME 1.1=20260301-20260401', 2],
    ['0019xx12;ACME 1.1=doe*', 2],
    ['0019xx13;ACME 1.1=0512', 2],
    ['0019xx14;ACME 1.1=two', 2],
    ['0019xx14;ACME 1.1=two,three', 0],
    ['0019xx14;ACME 1.1=two%5Cone&multiplevaluematching=true', 2],
    ['0019xx14;ACME 1.1=two%5Cthree&multiplevaluematching=true', 0],
    ['0019xx14;ACME 1.1=two%5Cthree', 2],
    ['0019xx15;ACME 1.1.0019xx10;ACME 1.1=2.5', 2],
    ['0019xx15;ACME 1.1.0019xx10;ACME 1.1=1.5', 0],
    ['0019xx10;ACME 1.1=""&emptyvaluematching=true', 1],
  ])('match in implicit VR like their explicit copies: %s', async (query, count) => {
    const encoded = query.replaceAll(' ', '%20')
    expect(await world.qido(`/instances?${encoded}`)).toHaveLength(count)
    expect(await world.qido(`/studies?${encoded}`)).toHaveLength(count)
  })

  it('are returned alike', async () => {
    const rows = await world.qido(
      '/instances?includefield=0019xx10;ACME%201.1,0019xx15;ACME%201.1&0019xx13;ACME%201.1=512',
    )
    const [implicit, explicit] = rows.map((row) =>
      ['00190010', '00191010', '00191015'].map((tag) => row[tag]),
    )
    expect(implicit).toEqual(explicit)
    expect(implicit?.[1]).toEqual({ vr: 'DS', Value: [1.5, 7] })
  })
})
