import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LARGE_FILE, sendFiles } from '../../scripts/import/send.ts'
import { ct } from '../samples.ts'
import { startWorld } from '../world.ts'

describe('sending files to a service', () => {
  it.each([
    ['a batch', [4 * 2 ** 20, 4 * 2 ** 20, 4 * 2 ** 20]],
    ['a large file', [LARGE_FILE + 2 ** 20]],
  ])('ends where the address is no DICOMweb root, though it answers before %s is sent', async (_, sizes) => {
    await using world = await startWorld()
    const folder = await mkdtemp(join(tmpdir(), 'concord-import-'))
    const files = sizes.map((size, index) => ({ path: join(folder, String(index)), size }))
    try {
      for (const { path, size } of files) await writeFile(path, Buffer.alloc(size))

      await expect(sendFiles({ base: world.url, token: undefined }, files)).rejects.toThrow(
        `the service at ${world.url} answered 404 There is nothing at this address`,
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('says of each file what became of it', async () => {
    await using world = await startWorld()
    const folder = await mkdtemp(join(tmpdir(), 'concord-import-'))
    const whole = { path: join(folder, 'a'), size: ct().bytes.length }
    const none = { path: join(folder, 'b'), size: 4 }
    try {
      await writeFile(whole.path, ct().bytes)
      await writeFile(none.path, 'text')

      const target = { base: `${world.url}/dicomweb`, token: undefined }
      expect(await sendFiles(target, [whole, none])).toMatchObject([
        { kind: 'stored' },
        { kind: 'refused', reason: 'C000' },
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
