import { ask, percentile } from './http-client.ts'
import { factsOf } from './made-instances.ts'

interface Question {
  readonly name: string
  readonly path: (k: number) => string
}

/** The questions of design §8; `total` is how many instances {@link factsOf} were stored. */
export function questions(total: number): readonly Question[] {
  const some = (k: number) => factsOf(Math.floor((((k * 7919 + 13) % 9973) / 9973) * total))
  const ofSeries = (k: number) => `/studies/${some(k).study}/series/${some(k).series}`
  return [
    { name: 'study by UID', path: (k) => `/studies?StudyInstanceUID=${some(k).study}` },
    { name: 'studies by PatientID', path: (k) => `/studies?PatientID=${some(k).PatientID}` },
    {
      name: 'studies by name prefix',
      path: (k) => `/studies?PatientName=${encodeURIComponent(some(k).family)}*&limit=25`,
    },
    {
      name: 'study list, 101 rows',
      path: () => '/studies?limit=101&offset=0&includefield=00081030%2C00080060',
    },
    {
      name: 'studies, 80 % offset',
      path: () => `/studies?limit=25&offset=${Math.floor((total / 200) * 0.8)}`,
    },
    { name: 'ModalitiesInStudy=CT', path: () => '/studies?ModalitiesInStudy=CT&limit=25' },
    { name: 'studies Manufacturer=Philips', path: () => '/studies?Manufacturer=Philips&limit=100' },
    { name: 'series of a study', path: (k) => `/studies/${some(k).study}/series` },
    { name: 'series Modality=MR', path: () => '/series?Modality=MR&limit=100' },
    {
      name: 'series by a nested key',
      path: (k) => `/series?00400275.00400009=SPS${Math.floor((k * 37) % (total / 100))}`,
    },
    { name: 'instances of a series', path: (k) => `${ofSeries(k)}/instances` },
    { name: 'instances, 80 % offset', path: () => `/instances?limit=100&offset=${Math.floor(total * 0.8)}` },
    { name: 'instances SliceThickness=5', path: () => '/instances?SliceThickness=5&limit=100' },
    {
      name: 'instances by a private key',
      path: (k) => `/instances?00191001=${encodeURIComponent(`private ${k % 10}`)}&limit=100`,
    },
    { name: 'series metadata', path: (k) => `${ofSeries(k)}/metadata` },
    { name: 'instances, all fields', path: (k) => `${ofSeries(k)}/instances?includefield=all` },
    { name: 'no match', path: (k) => `/studies?PatientID=nobody-${k}` },
  ]
}

export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly bytes: number
}

/** Milliseconds for one question, warmed up: 20 requests, then `repetitions` that count. */
export async function latency(base: string, question: Question, repetitions: number): Promise<Latency> {
  const headers = { accept: 'application/dicom+json' }
  for (let k = 0; k < 20; k++) await ask(base + question.path(1000 + k), { headers })
  const times: number[] = []
  let bytes = 0
  for (let k = 0; k < repetitions; k++) {
    const started = performance.now()
    const { status, body } = await ask(base + question.path(k), { headers })
    times.push(performance.now() - started)
    if (status !== 200 && status !== 204) throw new Error(`${question.name}: ${status}`)
    bytes = body.length
  }
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), bytes }
}
