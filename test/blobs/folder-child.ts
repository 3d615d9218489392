// A process of its own that uses a folder of blobs, for folder.test.ts to kill, to starve and to lock out.
//   node test/blobs/folder-child.ts MODE FOLDER
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import type { BlobVault } from '../../src/blobs/ports.ts'
import { isProblem } from '../../src/problem.ts'
import { blobOf, keyOf, putOne, sha256Of, stagedBlob } from './blobs.ts'

const KIB = 1024

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Stores batches for ever, four at a time, and says what was acknowledged, until it is killed. */
async function storeForEver(vault: BlobVault, staging: string): Promise<void> {
  await mkdir(staging, { recursive: true })
  const lane = async (): Promise<void> => {
    for (;;) {
      const contents = Array.from({ length: 1 + Math.floor(Math.random() * 6) }, () => {
        const size = Math.random() < 0.8 ? Math.random() * 9 * KIB : Math.random() * 500 * KIB
        return randomBytes(Math.floor(size))
      })
      const blobs = await Promise.all(
        contents.map((bytes) =>
          Promise.resolve(Math.random() < 0.3 ? stagedBlob(staging, bytes) : blobOf(bytes)),
        ),
      )
      const keys = (await vault.put(blobs)).map(keyOf)
      say({ acknowledged: keys.map((key, i) => [key, sha256Of(contents[i] ?? Buffer.of())]) })
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
}

/** Fills a small disk to the brim, then makes room; says what happened. */
async function fill(vault: BlobVault): Promise<void> {
  const kept = new Map<string, string>()
  const problems: string[] = []
  for (const size of [300 * KIB, 60 * KIB, 1 * KIB]) {
    for (let failures = 0; failures < 3;) {
      const bytes = randomBytes(size)
      const [answer] = await vault.put([blobOf(bytes)])
      if (answer === undefined || isProblem(answer)) {
        failures++
        problems.push(String(answer?.message))
      } else {
        kept.set(answer.key, sha256Of(bytes))
      }
    }
  }
  let isWhole = true
  for (const [key, sha256] of kept) isWhole &&= sha256Of(await buffer(await vault.get(key))) === sha256
  const [first = ''] = kept.keys()
  await vault.remove(first)
  await putOne(vault, blobOf(randomBytes(2 * KIB)))
  say({ kept: kept.size, isWhole, problems: [...new Set(problems)] })
}

/** Opens more blobs for reading than this process may have files open. */
async function openTooMany(vault: BlobVault): Promise<void> {
  const bytes = randomBytes(600 * KIB)
  const key = await putOne(vault, blobOf(bytes))
  const answers = await Promise.allSettled(Array.from({ length: 300 }, () => vault.get(key)))
  const problems = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason as unknown] : [],
  )
  for (const answer of answers)
    if (answer.status === 'fulfilled') {
      const closed = once(answer.value, 'close')
      answer.value.destroy()
      await closed
    }
  const isWhole = (await buffer(await vault.get(key))).equals(bytes)
  const messages = new Set(
    problems.map((problem) => (isProblem(problem, 'unavailable') ? problem.message : 'a bug')),
  )
  say({ isWhole, problems: [...messages] })
}

/** Stores a small blob, a large one and a staging file, for whoever watches the system calls. */
async function storeOnce(vault: BlobVault, staging: string): Promise<void> {
  await mkdir(staging, { recursive: true })
  const [small, large] = [randomBytes(1000), randomBytes(100 * KIB)]
  const answers = await vault.put([blobOf(small), blobOf(large), await stagedBlob(staging, large)])
  say({ acknowledged: answers.map(keyOf) })
}

const [mode, path = ''] = process.argv.slice(2)
try {
  const vault = await openFolderBlobs({ path, segmentBytes: 300 * KIB })
  say({ isOpen: true })
  if (mode === 'store') await storeForEver(vault, join(path, 'staging'))
  if (mode === 'once') await storeOnce(vault, join(path, 'staging'))
  if (mode === 'fill') await fill(vault)
  if (mode === 'many') await openTooMany(vault)
  if (mode === 'hold') await new Promise((resolve) => setTimeout(resolve, 60_000))
  await vault.close()
} catch (error) {
  say({ refused: isProblem(error) ? error.message : String(error) })
}
