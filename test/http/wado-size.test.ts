/** A file that is larger than the memory it may take: it goes out as it is read. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { Archive } from '../../src/archive/archive.ts'
import { createPart10Reader } from '../../src/dicom/reader.ts'
import { composeDataSet } from '../../src/dicom/compose.ts'
import { ExplicitVRLittleEndian } from '../../src/dicom/transfer-syntax.ts'
import { newUid } from '../../src/dicom/uid.ts'
import { header, writeInstance } from '../../src/dicom/writer.ts'
import { startWorld, type World } from '../world.ts'

const MIB = 1024 * 1024
const SIZE = 192 * MIB
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

/** A world that counts the bytes that are read of its blobs. */
async function countingWorld() {
  const read = { bytes: 0 }
  const through = (archive: Archive): Archive => ({
    ...archive,
    blobs: {
      ...archive.blobs,
      async get(key, extent) {
        const stream = await archive.blobs.get(key, extent)
        const counted = async function* () {
          for await (const chunk of stream as AsyncIterable<Buffer>) {
            read.bytes += chunk.length
            yield chunk
          }
        }
        return Readable.from(counted(), { objectMode: false })
      },
    },
  })
  const world = await startWorld({ through })
  return { world, read, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

it('goes out as fast as it is taken, and nothing but buffers is held of it', async () => {
  await using counting = await countingWorld()
  const { world, read } = counting
  const { path, sha256, size } = await storeHole(world)
  const pixels = createHash('sha256')
  for (let left = SIZE; left > 0; left -= MIB) pixels.update(Buffer.alloc(MIB))

  for (const [where, bytes, digest] of [
    [`${path}/original`, size, sha256],
    [path, size, null],
    [`${path}/pixeldata`, SIZE, pixels.digest('hex')],
  ] as const) {
    read.bytes = 0
    const [incoming] = (await once(get(world.url + where), 'response')) as [IncomingMessage]
    let before = -1
    while (before !== read.bytes) {
      before = read.bytes
      await wait(150)
    }
    // What two sockets of the same machine may hold (36 MiB with Linux's settings), and a few pieces.
    expect([where, read.bytes < SIZE / 3]).toEqual([where, true])

    const hash = createHash('sha256')
    let received = 0
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      hash.update(chunk)
      received += chunk.length
    }
    expect([where, incoming.complete, received >= bytes]).toEqual([where, true, true])
    if (digest !== null) expect([where, received, hash.digest('hex')]).toEqual([where, bytes, digest])
  }

  read.bytes = 0
  const frame = await world.get(`${path}/frames/${FRAMES}`, { Accept: 'application/octet-stream' })
  expect([frame.body.length, read.bytes]).toEqual([SIZE / FRAMES, SIZE / FRAMES])
}, 60_000)
