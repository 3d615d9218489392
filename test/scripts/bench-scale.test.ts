/** `npm run bench -- --scale N`: what it stores, and how it judges; a run of it is in `test/long`. */
import { readPart10 } from '../../src/dicom/reader.ts'
import { growth, inWords, judge, type Evidence } from '../../scripts/bench/scale/bars.ts'
import { maker } from '../../scripts/bench/scale/fill.ts'
import { begun, planArchive, seriesOf } from '../../scripts/bench/scale/made-archive.ts'
import { instanceUid, seriesUid, studyFacts, studyUid } from '../../scripts/bench/scale/made-attributes.ts'
import type { Measured } from '../../scripts/bench/scale/measure.ts'

describe('the synthetic archive', () => {
  const archive = planArchive(1, 1_000_000)

  it('has studies of the sizes that real archives have', () => {
    const sizes = archive.studies.map(({ count }) => count).sort((a, b) => a - b)
    const median = sizes[Math.floor(sizes.length / 2)] ?? 0
    const mean = sizes.reduce((sum, one) => sum + one, 0) / sizes.length
    expect(median).toBeGreaterThan(50)
    expect(median).toBeLessThan(66)
    expect(mean).toBeGreaterThan(200)
    expect(mean).toBeLessThan(280)
    expect(sizes.filter((size) => size >= 3000).length).toBeGreaterThan(20)
  })

  it('is the same for the same seed, and begins in the same way whatever its size', () => {
    const small = planArchive(1, 20_000)
    expect(small.studies).toEqual(archive.studies.slice(0, small.studies.length))
    expect(planArchive(2, 20_000).studies.map(({ count }) => count)).not.toEqual(
      small.studies.map(({ count }) => count),
    )
    expect(maker(small)(4000).equals(maker(archive)(4000))).toBe(true)
  })

  it('numbers every instance once, without a gap', () => {
    let next = 0
    for (const { first, count } of archive.series) {
      expect(first).toBe(next)
      next += count
    }
    expect(seriesOf(archive, 0)).toBe(archive.series[0])
    expect(seriesOf(archive, next - 1)).toBe(archive.series.at(-1))
    expect(() => seriesOf(archive, next)).toThrow(RangeError)
  })

  it('counts patients, studies and series of those that were sent', () => {
    expect(begun(archive, 101)).toEqual({ patients: 1, studies: 1, series: 2 })
    expect(begun(archive, 100)).toEqual({ patients: 1, studies: 1, series: 1 })
  })

  const make = maker(archive)
  const firstOf = (modality: string) =>
    archive.series.find((one) => one.modality === modality && one.count > 2)

  it.each(['CT', 'MR', 'PT', 'US'])(
    'has sound instances of %s, each written over the first of its series',
    (modality) => {
      const series = firstOf(modality)
      if (series === undefined) throw new Error(`no series of ${modality}`)
      const n = series.first + 2
      const { uids, meta, dataSet, damaged, oddities } = readPart10(make(n))
      expect(uids).toEqual({
        study: studyUid(series.study),
        series: seriesUid(series),
        instance: instanceUid(1, n),
      })
      expect(meta['00020003']?.Value).toEqual([instanceUid(1, n)])
      expect([damaged, oddities]).toEqual([false, []])
      expect(dataSet['00080060']?.Value).toEqual([modality])
      expect(dataSet['00200013']?.Value).toEqual([3])
      expect(dataSet['00100010']?.Value).toMatchObject([
        { Alphabetic: studyFacts(series.study).PatientName.split('=', 1)[0] },
      ])
      const attributes = Object.keys(dataSet).length
      expect(attributes).toBeGreaterThanOrEqual(95)
      expect(attributes).toBeLessThanOrEqual(141)
      const first = readPart10(make(series.first)).dataSet
      const varying = Object.keys(dataSet).filter(
        (tag) => JSON.stringify(dataSet[tag]) !== JSON.stringify(first[tag]),
      )
      expect(varying.length).toBeGreaterThanOrEqual(8)
      expect(varying.length).toBeLessThanOrEqual(18)
    },
  )

  it('has nested sequences and private blocks', () => {
    const { dataSet } = readPart10(make(0))
    const step = dataSet['00400275']?.Value?.[0]
    expect(step).toMatchObject({ '00400009': { Value: ['SPS0'] }, '00400008': { vr: 'SQ' } })
    expect(dataSet['00190010']?.Value).toEqual(['CONCORD BENCH 01'])
    expect(dataSet['00191001']?.Value).toEqual(['private 0'])
  })
})

describe('the bars of the bench', () => {
  const measured = (p50: number, p99 = p50): Measured => ({
    p50,
    p99,
    firstByte: p50,
    bytes: 2,
    rows: 0,
    isCut: false,
  })
  const evidence = (some: Partial<Evidence>): Evidence => ({
    question: { kind: 'list', barred: true },
    engine: 'sqlite',
    first: measured(1),
    last: measured(1),
    peer: null,
    floor: 0,
    ...some,
  })
  const words = (some: Partial<Evidence>): string => inWords(judge(evidence(some)))

  it('are met by what is quick and does not grow', () => {
    expect(words({})).toBe('met')
    expect(words({ first: measured(30, 20), last: measured(40), peer: measured(600) })).toBe('met')
  })

  it('are not met by what is slow, uneven or grows', () => {
    expect(words({ first: measured(3), last: measured(3), peer: measured(59) })).toMatch(
      /NOT MET: p50 ≤ 1\/20/,
    )
    expect(words({ first: measured(1, 26) })).toMatch(/NOT MET: p99 ≤ 25 ms/)
    expect(words({ last: measured(2.1) })).toMatch(/NOT MET: growth ≤ 1.5/)
    expect(growth(measured(2), measured(5))).toBe(2.5)
  })

  it('leave out the way to the server where they are meant at the index, and differ by engine', () => {
    expect(words({ last: measured(2.3), floor: 0.5 })).toBe('met')
    expect(words({ last: measured(4.9), engine: 'postgres' })).toBe('met')
    expect(words({ last: measured(5.1), engine: 'postgres' })).toMatch(/NOT MET/)
  })

  it('are not known without a peer where only it could tell', () => {
    expect(words({ first: measured(3), last: measured(3) })).toMatch(/^not known: p50/)
  })

  it.each([
    ['count', 50],
    ['deep', 300],
    ['next', 2],
  ] as const)('of a %s are %d ms', (kind, most) => {
    const at = (ms: number) => words({ question: { kind, barred: false }, last: measured(ms) })
    expect(at(most)).toBe('met')
    expect(at(most + 0.1)).toMatch(/NOT MET/)
  })

  it('are none for what must grow with its answer', () => {
    expect(words({ question: { kind: 'free', barred: false }, last: measured(1000) })).toBe('')
  })
})
