import { ask } from './http-client.ts'
import { factsOf } from './made-instances.ts'

export interface Retrieval {
  readonly name: string
  readonly path: string
  readonly accept: string
}

const OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'

export const PICTURE: Retrieval = { name: 'picture, JPEG', path: '/rendered', accept: 'image/jpeg' }

/** What a viewer asks of one instance. Pictures come once from the pixels and then from the cache. */
export const RETRIEVALS: readonly Retrieval[] = [
  { name: 'frame as it is stored', path: '/frames/1', accept: OCTETS },
  PICTURE,
  { ...PICTURE, name: 'the same pictures again' },
  { name: 'thumbnail', path: '/thumbnail', accept: 'image/jpeg' },
  { name: 'metadata', path: '/metadata', accept: 'application/dicom+json' },
]

/** Answers a second for instances `from` to before `from + count`, by `clients` that each wait for their answer. */
export async function retrieveRate(
  base: string,
  { path, accept }: Retrieval,
  { from, count, clients }: { readonly from: number; readonly count: number; readonly clients: number },
): Promise<number> {
  let next = from
  const began = performance.now()
  const client = async () => {
    while (next < from + count) {
      const { study, series, sop } = factsOf(next++)
      const url = `${base}/studies/${study}/series/${series}/instances/${sop}${path}`
      const { status } = await ask(url, { headers: { accept } })
      if (status !== 200) throw new Error(`${path} of an instance answers ${status}`)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return (count / (performance.now() - began)) * 1000
}
