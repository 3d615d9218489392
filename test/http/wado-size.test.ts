/** A file that is larger than the memory it may take: it goes out as it is read. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { createPart10Reader } from '../../src/dicom/reader.ts'
import { composeDataSet } from '../../src/dicom/compose.ts'
import { ExplicitVRLittleEndian } from '../../src/dicom/transfer-syntax.ts'
import { newUid } from '../../src/dicom/uid.ts'
import { header, writeInstance } from '../../src/dicom/writer.ts'
import { startWorld, type World } from '../world.ts'

const MIB = 1024 * 1024
const SIZE = 256 * MIB
const FRAMES = 64

/** A file of which all but the header is a hole, stored as if it had been received. */
async function storeHole(world: World): Promise<{ path: string; sha256: string; size: number }> {
  const uids = { study: newUid(), series: newUid(), instance: newUid() }
  const dataSet = composeDataSet({
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.7.2',
    SOPInstanceUID: uids.instance,
    StudyInstanceUID: uids.study,
    SeriesInstanceUID: uids.series,
    SamplesPerPixel: 1,
    NumberOfFrames: FRAMES,
    Rows: 2048,
    Columns: SIZE / FRAMES / 2048,
    BitsAllocated: 8,
  })
  const element = header('7FE00010', 'OB', SIZE, { explicitVr: true, bigEndian: false })
  const head = Buffer.concat([writeInstance(dataSet, { TransferSyntaxUID: ExplicitVRLittleEndian }), element])
  const size = head.length + SIZE
  const staged = join(world.folder, 'spool', 'hole')
  const file = await open(staged, 'w')
  await file.write(head)
  await file.truncate(size)
  await file.close()

  const reader = createPart10Reader()
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(MIB)
  for (const chunk of [head, ...Array<Buffer>(SIZE / MIB).fill(zeros)]) {
    reader.push(chunk)
    hash.update(chunk)
  }
  const sha256 = hash.digest('hex')
  const { blobs, database } = world.archive
  const [place] = await blobs.put([{ bytes: { path: staged }, size, sha256 }])
  if (place === undefined || !('key' in place)) throw new Error('not stored')
  const blob = { store: blobs.name, key: place.key, size, sha256 }
  const receivedAt = new Date()
  const outcomes = await database.index.add([
    { parsed: reader.end(), blob, datasetSha256: sha256, sender: null, receivedAt },
  ])
  expect(outcomes).toEqual([{ kind: 'added' }])
  return {
    path: `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`,
    sha256,
    size,
  }
}

/** Bytes and digest of an answer that is not kept, and how much memory was in use at most, beyond that before. */
function measured(url: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; bytes: number; sha256: string; grown: number }>((resolve, reject) => {
    const used = () => {
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const before = used()
    let [bytes, grown] = [0, 0]
    const hash = createHash('sha256')
    get(url, { headers }, (incoming) => {
      incoming.on('data', (chunk: Buffer) => {
        hash.update(chunk)
        bytes += chunk.length
        grown = Math.max(grown, used() - before)
      })
      incoming.on('error', reject)
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, bytes, sha256: hash.digest('hex'), grown })
      })
    }).on('error', reject)
  })
}

it('goes out without taking memory', async () => {
  await using world = await startWorld()
  const { path, sha256, size } = await storeHole(world)

  const original = await measured(`${world.url}${path}/original`)
  expect(original).toMatchObject({ status: 200, bytes: size, sha256 })
  expect(original.grown).toBeLessThan(SIZE / 2)

  const instance = await measured(world.url + path)
  expect(instance.bytes).toBeGreaterThan(size)
  expect(instance.grown).toBeLessThan(SIZE / 2)

  const pixels = await measured(`${world.url}${path}/pixeldata`)
  expect(pixels).toMatchObject({ status: 200, bytes: SIZE })
  expect(pixels.grown).toBeLessThan(SIZE / 2)

  const frame = await measured(`${world.url}${path}/frames/${FRAMES}`, { Accept: 'application/octet-stream' })
  expect(frame).toMatchObject({ status: 200, bytes: SIZE / FRAMES })
}, 120_000)
