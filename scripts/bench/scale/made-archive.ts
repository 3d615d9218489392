import { chance, logNormal } from './dice.ts'

export type Modality = 'CT' | 'MR' | 'PT' | 'US' | 'DX'

/** One series of a synthetic archive; instances are numbered through the archive, in the order in which they are sent. */
export interface MadeSeries {
  readonly study: MadeStudy
  /** Number in the archive, and in its study. */
  readonly index: number
  readonly ordinal: number
  readonly modality: Modality
  /** Number of its first instance, and how many it has. */
  readonly first: number
  readonly count: number
}

export interface MadeStudy {
  readonly seed: number
  readonly index: number
  /** Number of the patient, shared by some studies. */
  readonly patient: number
  readonly first: number
  readonly count: number
  readonly series: readonly MadeSeries[]
}

/** What a synthetic archive consists of. The first studies are the same whatever its size. */
export interface MadeArchive {
  readonly seed: number
  readonly studies: readonly MadeStudy[]
  readonly series: readonly MadeSeries[]
}

// As measured in real archives: median 58 instances a study, mean 240, one study in a hundred of 3,000 and more.
const MEDIAN = 58
const SIGMA = 1.685
const LARGEST = 9001
const NEW_PATIENT = 0.6
/** Two series that questions are about: a common one and a large one, near the start so that short runs have them too. */
const FIXED: readonly (readonly number[])[] = [[100, 25], [3000]]
const SERIES_A_STUDY: Readonly<Record<Modality, number>> = { CT: 3, MR: 7, PT: 4, US: 1, DX: 1 }

/** Studies for so many instances at least. */
export function planArchive(seed: number, instances: number): MadeArchive {
  const studies: MadeStudy[] = []
  const series: MadeSeries[] = []
  let [first, patients] = [0, 0]
  while (first < instances) {
    const index = studies.length
    const isNew = patients === 0 || chance(seed, 1, index) < NEW_PATIENT
    const patient = isNew ? patients++ : Math.floor(chance(seed, 2, index) * patients)
    const study = planStudy({ seed, index, patient, first }, series.length)
    studies.push(study)
    series.push(...study.series)
    first += study.count
  }
  return { seed, studies, series }
}

/** The series of the `n`-th instance. */
export function seriesOf({ series }: MadeArchive, n: number): MadeSeries {
  let [low, high] = [0, series.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((series[middle]?.first ?? Infinity) <= n) low = middle
    else high = middle - 1
  }
  const found = series[low]
  if (found === undefined || n >= found.first + found.count) throw new RangeError(`no instance ${n}`)
  return found
}

/** Studies and series that have begun, when so many instances have been sent. */
export function begun(
  archive: MadeArchive,
  instances: number,
): { patients: number; studies: number; series: number } {
  const studies = archive.studies.filter(({ first }) => first < instances)
  return {
    patients: new Set(studies.map(({ patient }) => patient)).size,
    studies: studies.length,
    series: archive.series.filter(({ first }) => first < instances).length,
  }
}

function planStudy(
  { seed, index, patient, first }: Omit<MadeStudy, 'count' | 'series'>,
  firstSeries: number,
): MadeStudy {
  const fixed = FIXED[index]
  const size = logNormal(MEDIAN, SIGMA, chance(seed, 3, index), chance(seed, 4, index))
  const count = fixed?.reduce((sum, one) => sum + one, 0) ?? Math.min(LARGEST, Math.max(1, Math.round(size)))
  const modality = fixed === undefined ? modalityOf(count, chance(seed, 5, index)) : 'CT'
  const counts = fixed ?? split(seed, index, count, SERIES_A_STUDY[modality])
  const series: MadeSeries[] = []
  const study: MadeStudy = { seed, index, patient, first, count, series }
  let at = first
  for (const [ordinal, part] of counts.entries()) {
    series.push({
      study,
      index: firstSeries + ordinal,
      ordinal,
      // PET comes with the CT of the same visit.
      modality: modality === 'PT' && ordinal % 2 === 0 ? 'CT' : modality,
      first: at,
      count: part,
    })
    at += part
  }
  return study
}

function modalityOf(count: number, at: number): Modality {
  if (count <= 4) return at < 0.8 ? 'DX' : 'US'
  if (count <= 20) return at < 0.5 ? 'US' : 'CT'
  if (at < 0.5) return 'CT'
  return at < 0.88 ? 'MR' : 'PT'
}

/** A study's instances over its series, unevenly. */
function split(seed: number, index: number, count: number, average: number): number[] {
  const most = average === 1 ? 1 : 1 + Math.floor(chance(seed, 6, index) * (2 * average - 1))
  const number = Math.min(most, count)
  const weights = Array.from({ length: number }, (_, ordinal) => 0.2 + chance(seed, 7, index, ordinal))
  const sum = weights.reduce((all, one) => all + one, 0)
  let left = count
  return weights.map((weight, ordinal) => {
    const rest = number - ordinal - 1
    const part = rest === 0 ? left : Math.max(1, Math.min(left - rest, Math.round((count * weight) / sum)))
    left -= part
    return part
  })
}
