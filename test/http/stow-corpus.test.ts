import { createHash } from 'node:crypto'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import { type Answer, startWorld, type World } from '../world.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** How many parts a Store response speaks of. */
function spokenOf(answer: Answer): number {
  const response = answer.dataSet()
  return ['00081198', '00081199', '0008119A'].reduce(
    (sum, tag) => sum + (response[tag]?.Value?.length ?? 0),
    0,
  )
}

describeCorpus('STOW-RS of real files', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it('answers for every one of them, whole or broken, and never with 5xx', async () => {
    const seen = new Map<string, number>()
    for (const path of corpusPaths()) {
      const before = process.cpuUsage()
      const answer = await world.stow([corpusFile(path)])
      expect([path, [200, 202, 409].includes(answer.status)]).toEqual([path, true])
      expect([path, spokenOf(answer)]).toEqual([path, 1])
      expect([path, process.cpuUsage(before).user < 5_000_000]).toEqual([path, true])
      seen.set(path, answer.status)
    }
    // Sent again, together: the same files are stored and refused as before, apart from those that contradict others.
    const paths = [...seen.keys()]
    for (let at = 0; at < paths.length; at += 100) {
      const batch = paths.slice(at, at + 100)
      const answer = await world.stow(batch.map(corpusFile))
      expect(spokenOf(answer)).toBe(batch.length)
      const stored = answer.dataSet()['00081199']?.Value?.length ?? 0
      expect(stored).toBe(batch.filter((path) => seen.get(path) !== 409).length)
    }
  }, 300_000)

  it('gives each stored file back bit for bit', async () => {
    const sent = new Set(corpusPaths().map((path) => sha256(corpusFile(path))))
    let count = 0
    for await (const page of world.archive.database.index.instances({})) {
      for (const { uids, fileSha256 } of page) {
        const { study, series, instance } = uids
        const answer = await world.get(
          `/dicomweb/studies/${study}/series/${series}/instances/${instance}/original`,
        )
        expect([answer.status, sha256(answer.body), sent.has(fileSha256)]).toEqual([200, fileSha256, true])
        count++
      }
    }
    expect(count).toBeGreaterThan(250)
  }, 300_000)
})
