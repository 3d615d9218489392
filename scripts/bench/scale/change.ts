import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../http-client.ts'
import { chance } from './dice.ts'
import { seriesOf, type MadeArchive, type MadeStudy } from './made-archive.ts'
import { instanceUid, seriesUid, studyUid } from './made-attributes.ts'
import { isChanging } from './questions.ts'

/** Instances that were deleted, and those that were replaced by corrected ones. */
export interface Changed {
  readonly deleted: number
  readonly corrected: number
}

// One in a hundred together.
const SINGLE = 0.005
const STUDIES = 0.00125
const SERIES = 0.00125
const CORRECTED = 0.0025
const CLIENTS = 4

/**
 * Changes one in a hundred of the first `size` instances by the routes that are there for it: single instances all over
 * the archive, whole series and whole studies are deleted, and the patients' names of some studies are corrected. Throws
 * when something of it is refused.
 */
export async function change(origin: string, archive: MadeArchive, size: number): Promise<Changed> {
  const base = `${origin}/dicomweb`
  const changing = archive.studies.filter((one) => isChanging(one) && one.first + one.count <= size)
  const take = taker(changing, Math.max(1, size * CORRECTED))
  const single = singles(archive, size)
  await inParallel(single, (path) => remove(base + path))
  let corrected = 0
  for (const study of take(size * CORRECTED, (one) => one.count)) {
    await correct(origin, study)
    corrected += study.count
  }
  let deleted = single.length
  for (const study of take(size * STUDIES, (one) => one.count)) {
    await remove(`${base}/studies/${studyUid(study)}`)
    deleted += study.count
  }
  for (const { series } of take(size * SERIES, (one) => one.series[0]?.count ?? 0)) {
    const [one] = series
    if (one === undefined) continue
    await remove(`${base}/studies/${studyUid(one.study)}/series/${seriesUid(one)}`)
    deleted += one.count
  }
  return { deleted, corrected }
}

/** So many studies are left to choose from, however large. */
const LEAST = 6

/** Studies one after the other, none twice, until they weigh so much together; none that alone is too large for it. */
function taker(
  studies: readonly MadeStudy[],
  largest: number,
): (weight: number, of: (study: MadeStudy) => number) => MadeStudy[] {
  const bySize = [...studies].sort((a, b) => a.count - b.count)
  const left = studies.filter((one) => one.count <= largest || bySize.indexOf(one) < LEAST)
  return (weight, of) => {
    const taken: MadeStudy[] = []
    for (let sum = 0; sum < weight;) {
      const next = left.shift()
      if (next === undefined) break
      taken.push(next)
      sum += of(next)
    }
    return taken
  }
}

/** Paths of single instances; never of the middle one of a series, which is asked for, nor of what is changed as a whole. */
function singles(archive: MadeArchive, size: number): string[] {
  const paths: string[] = []
  for (let n = 0; n < size; n++) {
    if (chance(archive.seed, 50, n) >= SINGLE) continue
    const series = seriesOf(archive, n)
    if (isChanging(series.study) || n === series.first + Math.floor(series.count / 2)) continue
    paths.push(
      `/studies/${studyUid(series.study)}/series/${seriesUid(series)}/instances/${instanceUid(archive.seed, n)}`,
    )
  }
  return paths
}

async function remove(url: string): Promise<void> {
  const { status } = await ask(url, { method: 'DELETE' })
  if (status !== 204) throw new Error(`DELETE answers ${status}`)
}

async function correct(origin: string, study: MadeStudy): Promise<void> {
  const url = `${origin}/admin/corrections`
  const body = { study: studyUid(study), attributes: { PatientName: 'Corrected^Name' }, description: 'bench' }
  const { status, body: answer } = await ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  })
  if (status !== 201) throw new Error(`POST of a correction answers ${status}`)
  let one = JSON.parse(answer.toString()) as { id: string; state: string }
  if (one.state === 'proposed') await ask(`${url}/${one.id}/approve`, { method: 'POST' })
  while (one.state !== 'done') {
    if (one.state === 'failed') throw new Error('a correction failed')
    await sleep(20)
    one = JSON.parse((await ask(`${url}/${one.id}`)).body.toString()) as typeof one
  }
}

async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values()
  const worker = async () => {
    for (const one of rest) await work(one)
  }
  await Promise.all(Array.from({ length: CLIENTS }, worker))
}
