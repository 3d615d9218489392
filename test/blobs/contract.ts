import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import type { BlobVault, NewBlob } from '../../src/blobs/ports.ts'
import { isProblem } from '../../src/problem.ts'
import { blobOf, keyOf, listAll, putOne, readAll, sha256Of, stagedBlob } from './blobs.ts'

export interface VaultUnderTest {
  readonly vault: BlobVault
  /** Opens the same bytes again, after closing. */
  readonly reopen: () => Promise<BlobVault>
  /** Whether `list` must tell the SHA-256 of a blob of so many bytes. */
  readonly listsSha256: (size: number) => boolean
}

const KIB = 1024
const MIB = 1024 * KIB
const SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB]

/** Keys that no store ever made; each must be refused without touching anything. */
const FOREIGN_KEYS = [
  '',
  '/',
  '../../../etc/passwd',
  'f/../../etc/passwd',
  'f/0192f0c1-2d3e-4f50-8a6b-7c8d9e0f1a2b',
  'f/0192F0C1-2D3E-7F50-8A6B-7C8D9E0F1A2B',
  's/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b/00000000',
  's/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b/00000000/0x10',
  's/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b/../../lock/00000000/10',
  'v1/00/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b/..',
  'v1/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b',
  'f/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b\n',
]

/** What every vault owes to those who use it. `make` makes an empty one, whose files are in `directory` if anywhere. */
export function describeVault(name: string, make: (directory: string) => Promise<VaultUnderTest>): void {
  describe(`${name} as a vault`, () => {
    let directory: string
    let staging: string
    let subject: VaultUnderTest
    let vault: BlobVault

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'concord-blobs-'))
      staging = join(directory, 'staging')
      await mkdir(staging)
      subject = await make(join(directory, 'blobs'))
      vault = subject.vault
    })

    afterAll(async () => {
      await vault.close()
      await rm(directory, { recursive: true, force: true })
    })

    it.each(SIZES)('gives %i bytes back bit for bit, from memory and from a staging file', async (size) => {
      const bytes = randomBytes(size)
      const staged = await stagedBlob(staging, bytes)
      const answers = await vault.put([blobOf(bytes), staged])
      for (const answer of answers) {
        const key = keyOf(answer)
        expect(sha256Of(await readAll(vault, key))).toBe(sha256Of(bytes))
        expect(await vault.stat(key)).toEqual({ size })
      }
      expect(keyOf(answers[0])).not.toBe(keyOf(answers[1]))
      expect(existsSync((staged.bytes as { path: string }).path)).toBe(false)
    })

    it.each([1, 7, 5000, 65_536])('puts pieces of %i bytes together, however many they are', async (step) => {
      const bytes = randomBytes(step === 1 ? 70 * KIB : 600 * KIB)
      const small = bytes.subarray(0, 4001)
      const cut = (whole: Buffer): Buffer[] =>
        Array.from({ length: Math.ceil(whole.length / step) }, (_, at) =>
          whole.subarray(at * step, (at + 1) * step),
        )
      const blobs = [bytes, small].map((whole) => ({
        ...blobOf(whole),
        bytes: [Buffer.of(), ...cut(whole), Buffer.of()],
      }))
      const keys = (await vault.put(blobs)).map(keyOf)
      expect((await readAll(vault, keys[0] ?? '')).equals(bytes)).toBe(true)
      expect((await readAll(vault, keys[1] ?? '')).equals(small)).toBe(true)
    })

    it('gives any range of any blob', async () => {
      const bytes = randomBytes(600 * KIB)
      const blobs = [1, 4000, 64 * KIB, 64 * KIB + 1, 600 * KIB].map((size) => bytes.subarray(0, size))
      const keys = (await vault.put(blobs.map(blobOf))).map(keyOf)
      const range = fc.record({ blob: fc.nat(blobs.length - 1), from: fc.double({ min: 0, max: 1, noNaN: true }), part: fc.double({ min: 0, max: 1, noNaN: true }) }) // prettier-ignore
      await fc.assert(
        fc.asyncProperty(range, async ({ blob, from, part }) => {
          const whole = blobs[blob]!
          const offset = Math.floor(from * whole.length)
          const length = Math.floor(part * (whole.length - offset))
          const read = await readAll(vault, keys[blob]!, offset, length)
          expect(read.equals(whole.subarray(offset, offset + length))).toBe(true)
        }),
        { numRuns: 60 },
      )
    })

    it('reads single bytes at both ends, and nothing where nothing is asked for', async () => {
      const bytes = randomBytes(100 * KIB)
      const key = await putOne(vault, blobOf(bytes))
      expect(await readAll(vault, key, 0, 1)).toEqual(bytes.subarray(0, 1))
      expect(await readAll(vault, key, bytes.length - 1, 1)).toEqual(bytes.subarray(-1))
      expect(await readAll(vault, key, 5, 0)).toHaveLength(0)
      expect(await readAll(vault, key, bytes.length, 0)).toHaveLength(0)
    })

    it.each([4000, 100 * KIB])('refuses ranges that a blob of %i bytes does not have', async (size) => {
      const key = await putOne(vault, blobOf(randomBytes(size)))
      for (const extent of [
        { offset: 0, length: size + 1 },
        { offset: size, length: 1 },
        { offset: -1, length: 1 },
      ]) {
        // prettier-ignore
        await expect(readAll(vault, key, extent.offset, extent.length)).rejects.toMatchObject({ kind: 'unavailable' })
      }
    })

    it('answers in the order of the batch, and one bad item leaves the others alone', async () => {
      const blobs: NewBlob[] = []
      const contents: (Buffer | null)[] = []
      for (const size of [10, 70 * KIB, 20, 90 * KIB, 30, 0]) {
        contents.push(randomBytes(size))
        blobs.push(blobOf(contents.at(-1)!))
        contents.push(null)
        blobs.push({ bytes: { path: join(staging, `missing-${size}.part`) }, size: size + 1, sha256: sha256Of(Buffer.of()) }) // prettier-ignore
      }
      const short = await stagedBlob(staging, randomBytes(100 * KIB))
      blobs.push({ ...short, size: short.size + 1 })
      contents.push(null)
      const answers = await vault.put(blobs)
      expect(answers).toHaveLength(blobs.length)
      for (const [i, bytes] of contents.entries()) {
        const answer = answers[i]!
        if (bytes === null) expect(isProblem(answer, 'unavailable')).toBe(true)
        else expect((await readAll(vault, keyOf(answer))).equals(bytes)).toBe(true)
      }
    })

    it('keeps an empty batch empty', async () => {
      expect(await vault.put([])).toEqual([])
    })

    it('takes many batches at once; every key is new and leads to its own bytes', async () => {
      const batches = Array.from({ length: 24 }, (_, i) =>
        Array.from({ length: 1 + (i % 5) }, (_, j) => randomBytes(j === 3 ? 70 * KIB : 100 + i)),
      )
      const answers = await Promise.all(batches.map((batch) => vault.put(batch.map(blobOf))))
      const keys = answers.flat().map(keyOf)
      expect(new Set(keys).size).toBe(batches.flat().length)
      const read = await Promise.all(keys.map((key) => readAll(vault, key)))
      expect(read.map(sha256Of)).toEqual(batches.flat().map(sha256Of))
    })

    it('has nothing under a key that was never made', async () => {
      for (const key of [
        'f/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b',
        's/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b/00000000/10',
        'v1/2b/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b',
      ]) {
        // prettier-ignore
        expect(await vault.stat(key)).toBeNull()
        await expect(vault.get(key)).rejects.toMatchObject({ kind: 'unavailable' })
      }
    })

    it.each(FOREIGN_KEYS)('refuses %j, which is no key of its making', async (key) => {
      expect(await vault.stat(key)).toBeNull()
      await expect(vault.get(key)).rejects.toMatchObject({ kind: 'unavailable' })
      await expect(vault.remove(key)).rejects.toMatchObject({ kind: 'unavailable' })
    })

    it('lists every blob once, in order of the keys, and forgets those removed, also when opened again', async () => {
      const before = Date.now() - 5000
      const contents = [0, 1, 5000, 64 * KIB, 70 * KIB, 300 * KIB].map((size) => randomBytes(size))
      const keys = (await vault.put(contents.map(blobOf))).map(keyOf)
      const all = await listAll(vault)
      expect(all.map(({ key }) => key)).toEqual(all.map(({ key }) => key).sort())
      for (const [i, key] of keys.entries()) {
        const found = all.filter((blob) => blob.key === key)
        expect(found).toHaveLength(1)
        expect(found[0]!.size).toBe(contents[i]!.length)
        expect(found[0]!.modifiedAt.getTime()).toBeGreaterThan(before)
        const sha256 = subject.listsSha256(contents[i]!.length) ? sha256Of(contents[i]!) : undefined
        expect(found[0]!.sha256).toBe(sha256)
      }
      const [first, second, , , last] = keys
      for (const key of [first!, last!, first!]) await vault.remove(key)
      await vault.close()
      vault = await subject.reopen()
      const kept = (await listAll(vault)).map(({ key }) => key)
      expect(kept).toEqual(all.map(({ key }) => key).filter((key) => key !== first && key !== last))
      expect(await vault.stat(first!)).toBeNull()
      await expect(vault.get(last!)).rejects.toMatchObject({ kind: 'unavailable' })
      expect(await readAll(vault, second!)).toEqual(contents[1])
    })

    it('gives nothing of a blob that was removed after it was read', async () => {
      const keys = (await vault.put([5000, 70 * KIB].map((size) => blobOf(randomBytes(size))))).map(keyOf)
      const extent = { offset: 100, length: 200 }
      for (const key of keys) {
        expect((await buffer(await vault.get(key, extent))).length).toBe(200)
        await vault.remove(key)
        await expect(vault.get(key, extent)).rejects.toMatchObject({ kind: 'unavailable' })
      }
    })

    it('says that it can be used, and after closing that it cannot', async () => {
      await vault.check()
      await vault.close()
      await vault.close()
      await expect(vault.put([blobOf(Buffer.from('late'))])).rejects.toMatchObject({ kind: 'unavailable' })
      await expect(vault.check()).rejects.toMatchObject({ kind: 'unavailable' })
      vault = await subject.reopen()
      await vault.check()
    })
  })
}
